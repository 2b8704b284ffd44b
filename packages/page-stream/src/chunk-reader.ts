import { joinCrc } from './append-crc.ts';
import { ChunkUnpacker, countKinds, isPlain, type PageSources } from './chunk-unpacker.ts';
import type { PageCodec } from './codec.ts';
import type { PageSpan, StoredRuns } from './frames.ts';
import {
  type ChunkContext,
  type ChunkRun,
  type ChunkTable,
  chunkRunPosition,
  hasPages,
  readChunkTable,
} from './layout/chunks.ts';
import { subtractDigest } from './image-digest.ts';
import { DIGEST_UNIT_BYTES } from './limits.ts';
import type { PageCoverage } from './page-coverage.ts';
import type { PageRun } from './page-run.ts';
import type { Payload } from './payload.ts';
import { pad8 } from './u64.ts';

/** How much of a parent is read at a time to take old content out of the digest. */
const OLD_PAGES_BYTES = 2 * 1024 * 1024;

/** The pages of one CHUNKS frame. */
export interface UnpackedChunks {
  readonly runs: readonly PageRun[];
  readonly bytes: Uint8Array;
  readonly stored: StoredRuns;
}

/** Reads CHUNKS payloads: checks, unpacks, adds to the digest. The checks are in the order of FORMAT.md, "Errors". */
export class ChunkReader {
  readonly #codec: PageCodec;
  readonly #sources: PageSources;
  readonly #unpacker: ChunkUnpacker;
  readonly #digest: Uint32Array;
  #buffer = new Uint8Array();
  #old = new Uint8Array();
  #isIncrement = false;

  /** Adds to `digest`. */
  constructor(codec: PageCodec, sources: PageSources, digest: Uint32Array) {
    this.#codec = codec;
    this.#sources = sources;
    this.#unpacker = new ChunkUnpacker(codec, sources);
    this.#digest = digest;
  }

  /** The image builds on the parent, whose digest the digest is now: new pages take the place of old ones in it. */
  startIncrement(parentDigest: Uint32Array): void {
    this.#digest.set(parentDigest);
    this.#isIncrement = true;
  }

  table(payload: Payload, context: Omit<ChunkContext, 'crc32c'>): ChunkTable {
    return readChunkTable(payload, { ...context, crc32c: (bytes, seed) => this.#codec.crc32c(bytes, seed) });
  }

  /** The CRC of the whole payload and those of the stored bytes, in one pass; the pages of data runs go into the digest with it. */
  checksums(
    payload: Payload,
    { region, runs, dataStart }: ChunkTable,
  ): { payloadCrc: number; stored: number[] } {
    const unitsPerPage = region.pageSize / DIGEST_UNIT_BYTES;
    let payloadCrc = this.#codec.crc32c(payload.bytes.subarray(0, dataStart));
    let at = dataStart;
    const stored = runs.map(({ kind, firstPage, storedBytes }) => {
      if (storedBytes === 0) return 0;
      const bytes = payload.bytes.subarray(at, at + storedBytes);
      const crc =
        kind === 'data'
          ? this.#codec.digestRun(bytes, 0, region.id, firstPage * unitsPerPage, this.#digest)
          : this.#codec.crc32c(bytes);
      payloadCrc = joinCrc(this.#codec, payloadCrc, crc, storedBytes);
      const end = at + pad8(storedBytes);
      if (at + storedBytes < end) {
        payloadCrc = this.#codec.crc32c(payload.bytes.subarray(at + storedBytes, end), payloadCrc);
      }
      at = end;
      return crc;
    });
    return { payloadCrc, stored };
  }

  /** Padding and the CRCs that the table states. */
  checkStored(payload: Payload, { runs, dataStart }: ChunkTable, crcs: readonly number[]): void {
    let at = dataStart;
    for (const [index, { storedBytes, storedCrc }] of runs.entries()) {
      const end = at + pad8(storedBytes);
      payload.reserved(at + storedBytes, end);
      if (crcs[index] !== storedCrc) {
        payload.fail('STREAM_BAD_VALUE', chunkRunPosition(index) + 20, 'stored CRC mismatch');
      }
      at = end;
    }
  }

  /**
   * Unpacks a frame whose checksums were right and whose pages are covered. `fresh`: into memory of its own, not the buffer that the
   * next frame overwrites. Throws STREAM_UNPACK.
   */
  unpack(payload: Payload, table: ChunkTable, fresh: boolean): UnpackedChunks {
    const { region, runs, dataStart } = table;
    const plain = isPlain(table);
    const bytes = plain ? payload.bytes.subarray(dataStart) : this.#room(table.fullBytes, fresh);
    const unitsPerPage = region.pageSize / DIGEST_UNIT_BYTES;
    let at = 0;
    let storedAt = dataStart;
    for (const run of runs) {
      this.#forget(table, run);
      if (hasPages(run.kind)) {
        const pages = bytes.subarray(at, at + run.pageCount * region.pageSize);
        at += pages.length;
        const stored = payload.bytes.subarray(storedAt, storedAt + run.storedBytes);
        if (!plain && !this.#unpacker.unpack(region.id, run, stored, pages)) {
          payload.fail(
            'STREAM_UNPACK',
            storedAt,
            `${run.storedBytes} bytes of a ${run.kind} run do not unpack`,
          );
        }
        if (run.kind !== 'data') {
          this.#codec.digestRun(pages, 0, region.id, run.firstPage * unitsPerPage, this.#digest);
        }
      }
      storedAt += pad8(run.storedBytes);
    }
    return { bytes, ...describe(runs) };
  }

  /** Takes the pages that the parent had at the place of `run` out of the digest, which began as the parent's. */
  #forget({ region }: ChunkTable, { kind, firstPage, pageCount }: ChunkRun): void {
    if (kind === 'parent') return;
    this.forgetPages(region.id, region.pageSize, firstPage, pageCount);
  }

  /** As `#forget`, for the runs of PAGES frames as well. Nothing in an image that is no increment. */
  forgetPages(region: number, pageSize: number, firstPage: number, pageCount: number): void {
    const { parent } = this.#sources;
    if (!this.#isIncrement || parent === undefined) return;
    const unitsPerPage = pageSize / DIGEST_UNIT_BYTES;
    const atOnce = Math.max(1, Math.floor(OLD_PAGES_BYTES / pageSize));
    const gone = new Uint32Array(2);
    for (let done = 0; done < pageCount; done += atOnce) {
      const count = Math.min(atOnce, pageCount - done);
      if (this.#old.length < count * pageSize) this.#old = new Uint8Array(count * pageSize);
      const old = this.#old.subarray(0, count * pageSize);
      parent.readPages(region, firstPage + done, old);
      this.#codec.digestRun(old, 0, region, (firstPage + done) * unitsPerPage, gone);
    }
    subtractDigest(this.#digest, gone);
  }

  #room(byteCount: number, fresh: boolean): Uint8Array {
    if (fresh) return new Uint8Array(byteCount);
    if (this.#buffer.length < byteCount) this.#buffer = new Uint8Array(byteCount);
    return this.#buffer.subarray(0, byteCount);
  }
}

/** Runs as a target takes them: neighbours that are alike are one. */
function describe(runs: readonly ChunkRun[]): Omit<UnpackedChunks, 'bytes'> {
  const pages: PageRun[] = [];
  const inherited: PageSpan[] = [];
  for (const { kind, firstPage, pageCount } of runs) {
    if (kind === 'parent') inherited.push({ firstPage, pageCount });
    else pages.push({ firstPage, pageCount, kind: kind === 'zero' ? 'zero' : 'data' });
  }
  const merged = mergeRuns(pages);
  return { runs: merged, stored: { inherited, pagesByKind: countKinds(runs) } };
}

function mergeRuns(runs: readonly PageRun[]): PageRun[] {
  const merged: PageRun[] = [];
  for (const run of runs) {
    const last = merged.at(-1);
    if (last?.kind === run.kind && last.firstPage + last.pageCount === run.firstPage) {
      merged[merged.length - 1] = { ...last, pageCount: last.pageCount + run.pageCount };
    } else {
      merged.push(run);
    }
  }
  return merged;
}

/** Whether the source pages of a same-as run came in an earlier frame, and not in a same-as run themselves. */
export function sourceCame(
  run: ChunkRun,
  coverage: PageCoverage | undefined,
  copies: PageCoverage | undefined,
): boolean {
  return (
    coverage?.count(run.sourcePage, run.pageCount) === run.pageCount &&
    copies?.count(run.sourcePage, run.pageCount) === 0
  );
}

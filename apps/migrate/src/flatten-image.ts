import { randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import {
  type ChunkOptions,
  type EncodedPages,
  formatDigest,
  type ImageTotals,
  PageStreamEncoder,
} from '@stillframe/page-stream';
import type { SealKey } from '@stillframe/sealed-file';
import { SnapshotError } from '@stillframe/snapshot';
import { ChainPages } from './chain/chain-pages.ts';
import type { ImageLink } from './chain/image-link.ts';
import { pageCodec } from './codec.ts';
import { AtomicFile } from './io/atomic-file.ts';
import type { FileOps } from './io/file-ops.ts';

/** How much is read and packed at a time. */
const SLAB_BYTES = 1024 * 1024;

export interface FlattenOptions {
  readonly out: string;
  /** Seals it. */
  readonly key?: SealKey | undefined;
  readonly ops?: FileOps;
  readonly chunks: ChunkOptions;
  readonly signal: AbortSignal;
  readonly onPages: (donePages: number, bytes: number) => void;
}

/** A full image that was written. */
export interface Flattened {
  readonly totals: ImageTotals;
  readonly bytes: number;
  /** 32 hexadecimal digits. */
  readonly streamId: string;
}

/**
 * Writes the last image of a chain as one that is complete in itself, with an id of its own. It is there only if its digest is that of the
 * image, so every page was read and is right. Throws SnapshotError, the reason of `signal`, and what writing throws.
 */
export async function flattenImage(links: readonly ImageLink[], options: FlattenOptions): Promise<Flattened> {
  const pages = new ChainPages(links);
  const file = await AtomicFile.create(options.out, options);
  try {
    file.neededBytes = pages.top.regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const flattened = await writeImage(pages, file, options);
    assertSameDigest(pages.top.digest, flattened.totals.digest);
    await file.commit();
    return flattened;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

async function writeImage(
  pages: ChainPages,
  file: AtomicFile,
  { chunks, signal, onPages }: FlattenOptions,
): Promise<Flattened> {
  const streamId = randomBytes(16);
  const encoder = new PageStreamEncoder({ streamId, codec: pageCodec, chunks });
  const writer = new PackedWriter(file);
  await writer.write([...encoder.start(pages.top.regions), ...encoder.state(pages.top.readState())]);
  for (const { id, sizeBytes, pageSize } of pages.top.regions) {
    for (let page = 0; page < sizeBytes / pageSize; ) {
      const { isZero, end } = pages.owner(id, page);
      const atOnce = isZero ? ZERO_RUN_PAGES : Math.max(1, Math.floor(SLAB_BYTES / pageSize));
      const stop = Math.min(end, page + atOnce, sizeBytes / pageSize);
      const slab = new Uint8Array(isZero ? 0 : (stop - page) * pageSize);
      if (!isZero) pages.readPages(id, page, slab);
      const run = { firstPage: page, pageCount: stop - page, kind: isZero ? 'zero' : 'data' } as const;
      // oxlint-disable-next-line no-await-in-loop -- one is written while the next is packed
      await writer.add(encoder.packPages(id, [run], slab));
      onPages(run.pageCount, slab.byteLength);
      page = stop;
      // oxlint-disable-next-line no-await-in-loop -- reading is synchronous
      await turn();
      signal.throwIfAborted();
    }
  }
  await writer.flush();
  await writer.write(encoder.end());
  return { totals: encoder.totals, bytes: writer.bytes, streamId: streamId.toString('hex') };
}

/** The page count of a run is a u32. */
const ZERO_RUN_PAGES = 2 ** 31;

/** Writes frames in order, one slab behind the packing. */
class PackedWriter {
  readonly #file: AtomicFile;
  #pending: Promise<EncodedPages> | undefined;
  bytes = 0;

  constructor(file: AtomicFile) {
    this.#file = file;
  }

  async add(packing: Promise<EncodedPages>): Promise<void> {
    // Whoever takes it hears of a failure; until then it is nobody's.
    packing.catch(() => undefined);
    const before = this.#pending;
    this.#pending = packing;
    if (before !== undefined) await this.#take(before);
  }

  async flush(): Promise<void> {
    if (this.#pending !== undefined) await this.#take(this.#pending);
    this.#pending = undefined;
  }

  async write(buffers: readonly Uint8Array[]): Promise<void> {
    await this.#file.append(buffers);
    for (const { byteLength } of buffers) this.bytes += byteLength;
  }

  async #take(packing: Promise<EncodedPages>): Promise<void> {
    const packed = await packing;
    try {
      await this.write(packed.buffers);
    } finally {
      packed.release();
    }
  }
}

function assertSameDigest(wanted: Uint32Array, digest: Uint32Array): void {
  if (formatDigest(wanted) === formatDigest(digest)) return;
  const message = `the digest is ${formatDigest(digest)}, and should be ${formatDigest(wanted)}`;
  throw new SnapshotError('corrupt-stream', message, { operands: { streamCode: 'STREAM_DIGEST' } });
}

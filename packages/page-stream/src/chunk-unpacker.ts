import type { PageCodec } from './codec.ts';
import type { ChunkKind, ChunkRun, ChunkTable } from './layout/chunks.ts';
import { hasPages, perKind } from './layout/chunks.ts';
import type { PageReader } from './page-reader.ts';
import { unpackLz4 } from './unpack-lz4.ts';

/** Where the pages come from that a stream does not bring along. */
export interface PageSources {
  readonly earlier: PageReader | undefined;
  readonly parent: PageReader | undefined;
}

type Unpack = (stored: Uint8Array, pages: Uint8Array) => boolean;

/** Makes the pages of one run from its stored bytes. */
export class ChunkUnpacker {
  readonly #sources: PageSources;
  readonly #lz4: Unpack;
  readonly #zstd: Unpack | undefined;
  #base = new Uint8Array();

  constructor(codec: PageCodec, sources: PageSources) {
    this.#sources = sources;
    this.#lz4 = codec.unpackLz4 ?? unpackLz4;
    this.#zstd = codec.unpackZstd;
  }

  /**
   * Fills `pages`, the full length of `run`; false when `stored` does not unpack to it. `region` is that of the run. Throws what
   * reading other pages throws. The caller has checked that the kind is one that can be read.
   */
  unpack(region: number, run: ChunkRun, stored: Uint8Array, pages: Uint8Array): boolean {
    switch (run.kind) {
      case 'data':
        pages.set(stored);
        return true;
      case 'lz4':
        return this.#lz4(stored, pages);
      case 'zstd':
        return this.#unpackZstd(stored, pages);
      case 'same-as':
        reader(this.#sources.earlier).readPages(run.sourceRegion, run.sourcePage, pages);
        return true;
      case 'delta-lz4':
        return this.#lz4(stored, pages) && this.#combine(region, run, pages);
      case 'delta-zstd':
        return this.#unpackZstd(stored, pages) && this.#combine(region, run, pages);
      case 'parent':
        reader(this.#sources.parent).readPages(region, run.firstPage, pages);
        return true;
      case 'zero':
        pages.fill(0);
        return true;
      default:
        return run.kind satisfies never;
    }
  }

  #unpackZstd(stored: Uint8Array, pages: Uint8Array): boolean {
    if (this.#zstd === undefined) throw new TypeError('the codec has no unpackZstd');
    return this.#zstd(stored, pages);
  }

  #combine(region: number, run: ChunkRun, pages: Uint8Array): true {
    if (this.#base.length < pages.length) this.#base = new Uint8Array(pages.length);
    const base = this.#base.subarray(0, pages.length);
    reader(this.#sources.parent).readPages(region, run.firstPage, base);
    combine(pages, base);
    return true;
  }
}

function reader(source: PageReader | undefined): PageReader {
  if (source === undefined) throw new TypeError('no reader for the pages that this run refers to');
  return source;
}

/** `pages` ^= `base`, both of the same length, a multiple of 4. */
export function combine(pages: Uint8Array, base: Uint8Array): void {
  const to = new DataView(pages.buffer, pages.byteOffset, pages.byteLength);
  const from = new DataView(base.buffer, base.byteOffset, base.byteLength);
  for (let at = 0; at < pages.length; at += 4) to.setInt32(at, to.getInt32(at) ^ from.getInt32(at));
}

/** Whether the pages of a table lie in the payload as they are, one after the other. */
export function isPlain({ runs }: ChunkTable): boolean {
  return runs.every(({ kind }) => kind === 'data' || !hasPages(kind));
}

/** Pages of each kind. */
export function countKinds(runs: readonly ChunkRun[]): Record<ChunkKind, number> {
  const counts = perKind();
  for (const { kind, pageCount } of runs) counts[kind] += pageCount;
  return counts;
}

import type { ChunkKind, FrameSummary } from '@stillframe/page-stream';

/** How pages are stored: kinds of runs of CHUNKS; those of PAGES are `data` and `zero`. */
export interface KindTally {
  readonly kind: ChunkKind;
  readonly pages: number;
  /** Stored bytes, without tables and padding. */
  readonly bytes: number;
}

const KINDS: readonly ChunkKind[] = [
  'data',
  'lz4',
  'zstd',
  'delta-lz4',
  'delta-zstd',
  'same-as',
  'zero',
  'parent',
];

/** Adds up how pages are stored, frame by frame. */
export class CodecMix {
  readonly #pages = new Map<ChunkKind, number>();
  readonly #bytes = new Map<ChunkKind, number>();

  take({ pages, chunks, payloadBytes }: FrameSummary): void {
    if (chunks !== undefined) {
      for (const kind of KINDS) this.#add(kind, chunks.pagesByKind[kind], chunks.bytesByKind[kind]);
    } else if (pages !== undefined) {
      this.#add('data', pages.dataPages, payloadBytes - tableBytes(pages.runCount));
      this.#add('zero', pages.zeroPages, 0);
    }
  }

  /** Kinds that occur. */
  get tallies(): KindTally[] {
    return KINDS.flatMap((kind) => {
      const pages = this.#pages.get(kind) ?? 0;
      return pages === 0 ? [] : [{ kind, pages, bytes: this.#bytes.get(kind) ?? 0 }];
    });
  }

  #add(kind: ChunkKind, pages: number, bytes: number): void {
    this.#pages.set(kind, (this.#pages.get(kind) ?? 0) + pages);
    this.#bytes.set(kind, (this.#bytes.get(kind) ?? 0) + bytes);
  }
}

/** Head and run table of PAGES (FORMAT.md). */
function tableBytes(runCount: number): number {
  return 8 + 16 * runCount;
}

import { CHUNK_RUN_BYTES, CHUNKS_HEAD_BYTES } from './layout/chunks.ts';
import { MAX_RUNS } from './limits.ts';
import type { ChunkToPack } from './packer.ts';

/** A run as it will be sent. A chunk is known by its number among the chunks of the slab. */
export type PlannedRun = { readonly firstPage: number; readonly pageCount: number } & (
  | { readonly kind: 'zero' | 'parent' }
  | { readonly kind: 'same-as'; readonly sourceRegion: number; readonly sourcePage: number }
  | { readonly kind: 'chunk'; readonly chunk: number }
);

/** What becomes of one slab: its frames, and the chunks that a packer is to pack. */
export interface SlabPlan {
  readonly frames: readonly (readonly PlannedRun[])[];
  readonly chunks: readonly PlannedChunk[];
}

export interface PlannedChunk extends Omit<ChunkToPack, 'method'> {
  /** The CRC32C of its bytes, where it is known. */
  readonly crc: number | undefined;
}

export interface ChunkSizes {
  readonly pageSize: number;
  readonly unitsPerPage: number;
  /** Pages in a chunk at most. */
  readonly chunkPages: number;
  readonly maxPayloadBytes: number;
}

/** The smallest payload that holds one page of `pageSize` bytes. */
export function oneChunkPayloadBytes(pageSize: number): number {
  return CHUNKS_HEAD_BYTES + CHUNK_RUN_BYTES + pageSize;
}

/** The largest chunk, in pages, that a payload can hold: one at least, which has been seen to fit. */
export function chunkPagesFor(pageSize: number, chunkBytes: number, maxPayloadBytes: number): number {
  const room = Math.min(Math.max(chunkBytes, pageSize), maxPayloadBytes - oneChunkPayloadBytes(0));
  return Math.floor(room / pageSize);
}

/** Collects runs into frames; no frame can become too large, however badly its chunks pack. */
export class ChunkPlanner {
  readonly #sizes: ChunkSizes;
  readonly #frames: PlannedRun[][] = [];
  readonly #chunks: PlannedChunk[] = [];
  /** Full lengths in the last frame. */
  #fullBytes = 0;

  constructor(sizes: ChunkSizes) {
    this.#sizes = sizes;
  }

  get plan(): SlabPlan {
    return { frames: this.#frames, chunks: this.#chunks };
  }

  /** Pages that need no bytes: neighbours become one run. */
  addBare(kind: 'zero' | 'parent', firstPage: number, pageCount: number): void {
    const runs = this.#frameFor(0);
    const last = runs.at(-1);
    if (last?.kind === kind && last.firstPage + last.pageCount === firstPage) {
      runs[runs.length - 1] = { ...last, pageCount: last.pageCount + pageCount };
    } else {
      runs.push({ kind, firstPage, pageCount });
    }
  }

  addTwins(firstPage: number, pageCount: number, sourceRegion: number, sourcePage: number): void {
    for (let done = 0; done < pageCount; ) {
      const { runs, taken } = this.#roomFor(pageCount - done);
      runs.push({
        kind: 'same-as',
        firstPage: firstPage + done,
        pageCount: taken,
        sourceRegion,
        sourcePage: sourcePage + done,
      });
      done += taken;
    }
  }

  /** Pages from `page` to where its chunk ends at the latest. */
  pagesToBorder(page: number): number {
    const { chunkPages } = this.#sizes;
    return chunkPages - (page % chunkPages);
  }

  /**
   * Pages whose bytes start at `at` of the slab. Chunks end where the page number is a multiple of their length. `crc`, if known, is the
   * CRC32C of all of them.
   */
  addPages(firstPage: number, pageCount: number, at: number, crc?: number): void {
    const { pageSize, unitsPerPage } = this.#sizes;
    for (let done = 0; done < pageCount; ) {
      const page = firstPage + done;
      const wanted = Math.min(pageCount - done, this.pagesToBorder(page));
      const { runs, taken } = this.#roomFor(wanted);
      runs.push({ kind: 'chunk', firstPage: page, pageCount: taken, chunk: this.#chunks.length });
      this.#chunks.push({
        at: at + done * pageSize,
        sizeBytes: taken * pageSize,
        firstUnit: page * unitsPerPage,
        crc: taken === pageCount ? crc : undefined,
      });
      done += taken;
    }
  }

  #roomFor(pageCount: number): { runs: PlannedRun[]; taken: number } {
    const { pageSize } = this.#sizes;
    const runs = this.#frameFor(pageSize);
    const taken = Math.min(pageCount, Math.floor(this.#roomBytes(runs) / pageSize));
    this.#fullBytes += taken * pageSize;
    return { runs, taken };
  }

  /** Left when the last frame gets one more run. */
  #roomBytes(runs: readonly PlannedRun[]): number {
    const table = CHUNKS_HEAD_BYTES + CHUNK_RUN_BYTES * (runs.length + 1);
    return this.#sizes.maxPayloadBytes - table - this.#fullBytes;
  }

  #frameFor(bytes: number): PlannedRun[] {
    const last = this.#frames.at(-1);
    if (last && last.length < MAX_RUNS && this.#roomBytes(last) >= bytes) return last;
    const fresh: PlannedRun[] = [];
    this.#frames.push(fresh);
    this.#fullBytes = 0;
    return fresh;
  }
}

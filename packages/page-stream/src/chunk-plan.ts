import { ChunkRuns } from './chunk-runs.ts';
import { ChunkTable } from './chunk-table.ts';
import { CHUNK_RUN_BYTES, CHUNKS_HEAD_BYTES } from './layout/chunks.ts';
import { MAX_RUNS } from './limits.ts';

/** What becomes of one slab: its frames, and the chunks that a packer is to pack. */
export interface SlabPlan {
  readonly frames: readonly ChunkRuns[];
  readonly chunks: ChunkTable;
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
  readonly #frames: ChunkRuns[] = [];
  readonly #chunks: ChunkTable;
  #last: ChunkRuns | undefined;
  /** Full lengths in the last frame. */
  #fullBytes = 0;

  /** Room for `expectedChunks`; there may be more. */
  constructor(sizes: ChunkSizes, expectedChunks: number) {
    this.#sizes = sizes;
    this.#chunks = new ChunkTable(expectedChunks);
  }

  get plan(): SlabPlan {
    return { frames: this.#frames, chunks: this.#chunks };
  }

  /** Pages that need no bytes, of a kind by number. */
  addBare(kind: number, firstPage: number, pageCount: number): void {
    this.#frameFor(0).addBare(kind, firstPage, pageCount);
  }

  addTwins(firstPage: number, pageCount: number, sourceRegion: number, sourcePage: number): void {
    for (let done = 0; done < pageCount; ) {
      const frame = this.#frameFor(this.#sizes.pageSize);
      const taken = this.#take(frame, pageCount - done);
      frame.addTwins(firstPage + done, taken, sourceRegion, sourcePage + done);
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
   * CRC32C of all of them, which are in the digest already.
   */
  addPages(firstPage: number, pageCount: number, at: number, crc?: number): void {
    const { pageSize, unitsPerPage } = this.#sizes;
    for (let done = 0; done < pageCount; ) {
      const page = firstPage + done;
      const frame = this.#frameFor(pageSize);
      const taken = this.#take(frame, Math.min(pageCount - done, this.pagesToBorder(page)));
      frame.addChunk(page, taken, this.#chunks.count);
      const known = taken === pageCount ? crc : undefined;
      this.#chunks.add(at + done * pageSize, taken * pageSize, page * unitsPerPage, known);
      done += taken;
    }
  }

  /** As many of `pageCount` pages as there is room for in the last frame, which gets one more run. */
  #take(frame: ChunkRuns, pageCount: number): number {
    const { pageSize } = this.#sizes;
    const taken = Math.min(pageCount, Math.floor(this.#roomBytes(frame) / pageSize));
    this.#fullBytes += taken * pageSize;
    return taken;
  }

  /** Left when the last frame gets one more run. */
  #roomBytes({ count }: ChunkRuns): number {
    const table = CHUNKS_HEAD_BYTES + CHUNK_RUN_BYTES * (count + 1);
    return this.#sizes.maxPayloadBytes - table - this.#fullBytes;
  }

  #frameFor(bytes: number): ChunkRuns {
    const last = this.#last;
    if (last && last.count < MAX_RUNS && this.#roomBytes(last) >= bytes) return last;
    const fresh = new ChunkRuns();
    this.#frames.push(fresh);
    this.#last = fresh;
    this.#fullBytes = 0;
    return fresh;
  }
}

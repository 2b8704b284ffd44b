import { FRAME_HEADER_BYTES } from './frame-header.ts';
import { CHUNK_RUN_BYTES, CHUNKS_HEAD_BYTES, kindNumber, sealChunkTable } from './layout/chunks.ts';
import { setU64 } from './u64.ts';

/** Where the table begins, behind the room for the frame header and the payload head. */
const TABLE_START = FRAME_HEADER_BYTES + CHUNKS_HEAD_BYTES;

/** Most frames have as many runs, or fewer. */
const FIRST_RUNS = 32;

const NO_END = -1;

/**
 * The run table of one CHUNKS frame while it is made, in the layout in which it is sent: nothing is made for a single run.
 *
 * A run whose pages are a chunk holds the number of the chunk until `settle`.
 */
export class ChunkRuns {
  #bytes = new Uint8Array(TABLE_START + FIRST_RUNS * CHUNK_RUN_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #count = 0;
  #lastKind = kindNumber.data as number;
  /** The page behind the last run, if that is bare. */
  #bareEnd = NO_END;

  get count(): number {
    return this.#count;
  }

  /** Pages that need no bytes: neighbours become one run. */
  addBare(kind: number, firstPage: number, pageCount: number): void {
    if (this.#bareEnd === firstPage && this.#lastKind === kind) {
      const at = this.#at(this.#count - 1) + 8;
      this.#view.setUint32(at, this.#view.getUint32(at, true) + pageCount, true);
    } else {
      this.#add(kind, firstPage, pageCount);
    }
    this.#bareEnd = firstPage + pageCount;
  }

  addTwins(firstPage: number, pageCount: number, sourceRegion: number, sourcePage: number): void {
    const at = this.#add(kindNumber['same-as'], firstPage, pageCount);
    this.#view.setUint32(at + 24, sourceRegion, true);
    this.#view.setUint32(at + 28, sourcePage, true);
  }

  addChunk(firstPage: number, pageCount: number, chunk: number): void {
    const at = this.#add(kindNumber.data, firstPage, pageCount);
    this.#view.setUint32(at + 16, chunk, true);
  }

  firstPage(index: number): number {
    const at = this.#at(index);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }

  pageCount(index: number): number {
    return this.#view.getUint32(this.#at(index) + 8, true);
  }

  /** Its place in `chunkKinds`; before `settle` `data` for every chunk. */
  kind(index: number): number {
    return this.#view.getUint32(this.#at(index) + 12, true);
  }

  /** Before `settle` the number of the chunk. */
  storedBytes(index: number): number {
    return this.#view.getUint32(this.#at(index) + 16, true);
  }

  /** What became of the chunk of that run. */
  settle(index: number, kind: number, storedBytes: number, storedCrc: number): void {
    const at = this.#at(index);
    this.#view.setUint32(at + 12, kind, true);
    this.#view.setUint32(at + 16, storedBytes, true);
    this.#view.setUint32(at + 20, storedCrc, true);
  }

  /** After the last `settle`: payload head and table, with room for the frame header before them; a view. */
  seal(region: number, crc32c: (bytes: Uint8Array, seed?: number) => number): Uint8Array {
    const head = this.#bytes.subarray(0, this.#at(this.#count));
    sealChunkTable(head.subarray(FRAME_HEADER_BYTES), region, this.#count, crc32c);
    return head;
  }

  #at(index: number): number {
    return TABLE_START + index * CHUNK_RUN_BYTES;
  }

  #add(kind: number, firstPage: number, pageCount: number): number {
    const at = this.#at(this.#count++);
    if (at === this.#bytes.length) this.#grow();
    setU64(this.#view, at, firstPage);
    this.#view.setUint32(at + 8, pageCount, true);
    this.#view.setUint32(at + 12, kind, true);
    this.#lastKind = kind;
    this.#bareEnd = NO_END;
    return at;
  }

  #grow(): void {
    const grown = new Uint8Array(TABLE_START + 2 * this.#count * CHUNK_RUN_BYTES);
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

import type { PackMethod } from './packer.ts';

/** Words of 32 bits that a table has for each chunk, `chunkWord` says which is which. */
export const CHUNK_WORDS = 9;

/** What is asked of a packer, and from `kind` on what it answers. */
export const chunkWord = {
  /** Byte offset in the slab. */
  at: 0,
  /** Bytes, a multiple of DIGEST_UNIT_BYTES. */
  sizeBytes: 1,
  /** Index within the region of its first unit of DIGEST_UNIT_BYTES. */
  firstUnitLow: 2,
  firstUnitHigh: 3,
  /** Its place in `packMethods`. */
  method: 4,
  /** Its place in `chunkKinds`. */
  kind: 5,
  /** Without padding. */
  storedBytes: 6,
  storedCrc: 7,
  /** Byte offset in `PackedSlab.bytes`. */
  storedAt: 8,
} as const;

/** By number. */
export const packMethods: readonly PackMethod[] = ['none', 'lz4', 'zstd'];

/** The first unit of the chunk whose words start at `from`. */
export function firstUnitOf(words: Uint32Array, from: number): number {
  return words[from + chunkWord.firstUnitLow]! + words[from + chunkWord.firstUnitHigh]! * 2 ** 32;
}

/** Collects the chunks of one slab: numbers only, because there may be one for every page. */
export class ChunkTable {
  #words: Uint32Array;
  #count = 0;

  /** Room for `expected` chunks; it grows. */
  constructor(expected: number) {
    this.#words = new Uint32Array(CHUNK_WORDS * Math.max(1, expected));
  }

  get count(): number {
    return this.#count;
  }

  /** `crc`, if known, is the CRC32C of its bytes, which are in the digest already: then the chunk is stored as it is. */
  add(at: number, sizeBytes: number, firstUnit: number, crc?: number): void {
    const from = CHUNK_WORDS * this.#count++;
    if (from === this.#words.length) this.#grow();
    const words = this.#words;
    words[from] = at;
    words[from + chunkWord.sizeBytes] = sizeBytes;
    words[from + chunkWord.firstUnitLow] = firstUnit;
    words[from + chunkWord.firstUnitHigh] = firstUnit / 2 ** 32;
    if (crc === undefined) return;
    words[from + chunkWord.storedBytes] = sizeBytes;
    words[from + chunkWord.storedCrc] = crc;
    words[from + chunkWord.storedAt] = at;
  }

  /** CHUNK_WORDS for each chunk, in order; a view. */
  get words(): Uint32Array {
    return this.#words.subarray(0, CHUNK_WORDS * this.#count);
  }

  #grow(): void {
    const grown = new Uint32Array(2 * this.#words.length);
    grown.set(this.#words);
    this.#words = grown;
  }
}

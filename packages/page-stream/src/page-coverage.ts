/** Pages whose bits are kept together: 4 KiB of bits. */
export const CHUNK_PAGES = 32_768;

/**
 * Which pages of a region have come.
 *
 * Bits exist only for chunks that are partly covered: nothing is allocated because a region is large (I-6), and a long zero run
 * costs nothing. At worst one bit for each page.
 */
export class PageCoverage {
  readonly pageCount: number;
  readonly #counts: Uint16Array;
  readonly #bits = new Map<number, Uint32Array>();
  #covered = 0;

  constructor(pageCount: number) {
    this.pageCount = pageCount;
    this.#counts = new Uint16Array(Math.ceil(pageCount / CHUNK_PAGES));
  }

  /** Pages that have come. */
  get covered(): number {
    return this.#covered;
  }

  /** Memory in use for bits, in bytes. */
  get bitBytes(): number {
    return this.#bits.size * (CHUNK_PAGES / 8);
  }

  /** Adds a run that lies within the region. False, with the run partly added, when one of its pages had come before. */
  cover(firstPage: number, pageCount: number): boolean {
    const end = firstPage + pageCount;
    for (let page = firstPage; page < end; ) {
      const chunk = Math.floor(page / CHUNK_PAGES);
      const base = chunk * CHUNK_PAGES;
      const stop = Math.min(end, base + CHUNK_PAGES);
      if (!this.#coverInChunk(chunk, page - base, stop - base)) return false;
      page = stop;
    }
    this.#covered += pageCount;
    return true;
  }

  /** How many of these pages, which lie within the region, have come. */
  count(firstPage: number, pageCount: number): number {
    const end = firstPage + pageCount;
    let sum = 0;
    for (let page = firstPage; page < end; ) {
      const chunk = Math.floor(page / CHUNK_PAGES);
      const base = chunk * CHUNK_PAGES;
      const stop = Math.min(end, base + CHUNK_PAGES);
      const bits = this.#bits.get(chunk);
      if (bits !== undefined) sum += countBits(bits, page - base, stop - base);
      else if (this.#counts[chunk]! > 0) sum += stop - page;
      page = stop;
    }
    return sum;
  }

  /** The lowest page that has not come, or undefined. */
  firstMissing(): number | undefined {
    const chunk = this.#counts.findIndex((count, index) => count < this.#chunkPages(index));
    if (chunk < 0) return undefined;
    return chunk * CHUNK_PAGES + firstClear(this.#bits.get(chunk) ?? new Uint32Array(1));
  }

  #chunkPages(chunk: number): number {
    return Math.min(CHUNK_PAGES, this.pageCount - chunk * CHUNK_PAGES);
  }

  #coverInChunk(chunk: number, from: number, to: number): boolean {
    const before = this.#counts[chunk]!;
    const after = before + to - from;
    const chunkPages = this.#chunkPages(chunk);
    if (after > chunkPages) return false;
    if (before > 0 || after < chunkPages) {
      const bits = this.#bits.get(chunk) ?? new Uint32Array(CHUNK_PAGES / 32);
      if (!setBits(bits, from, to)) return false;
      if (after < chunkPages) this.#bits.set(chunk, bits);
      else this.#bits.delete(chunk);
    }
    this.#counts[chunk] = after;
    return true;
  }
}

/** The lowest clear bit; there is one. */
function firstClear(bits: Uint32Array): number {
  const word = bits.findIndex((value) => value !== 0xffff_ffff);
  const clear = ~bits[word]!;
  return word * 32 + 31 - Math.clz32(clear & -clear);
}

function countBits(bits: Uint32Array, from: number, to: number): number {
  let sum = 0;
  for (let at = from; at < to; ) {
    const stop = Math.min(to, (Math.floor(at / 32) + 1) * 32);
    const mask = (0xffff_ffff >>> (32 - (stop - at))) << (at & 31);
    for (let rest = bits[at >>> 5]! & mask; rest !== 0; rest &= rest - 1) sum++;
    at = stop;
  }
  return sum;
}

/** Sets bits `from` to `to` (exclusive); false when one was set. */
function setBits(bits: Uint32Array, from: number, to: number): boolean {
  for (let at = from; at < to; ) {
    const word = at >>> 5;
    const stop = Math.min(to, (word + 1) * 32);
    const mask = (0xffff_ffff >>> (32 - (stop - at))) << (at & 31);
    const value = bits[word]!;
    if ((value & mask) !== 0) return false;
    bits[word] = value | mask;
    at = stop;
  }
  return true;
}

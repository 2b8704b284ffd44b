import type { PageCodec } from '../codec.ts';
import { digestPages } from '../digest-pages.ts';
import { addDigest, addUnit, subtractDigest } from '../image-digest.ts';
import { DIGEST_UNIT_BYTES } from '../limits.ts';
import { CHUNK_PAGES } from '../page-coverage.ts';
import type { RegionEntry } from '../page-run.ts';

/** What is known of CHUNK_PAGES pages. */
interface Chunk {
  /** What each page adds to the digest: [low, high]. */
  readonly terms: Uint32Array;
  /** One bit each: the page has come. */
  readonly came: Uint8Array;
}

/**
 * What the pages of one region add to the image digest, page by page: a page that comes again replaces its part, so the digest of the
 * memory as it was sent last is known at any moment without a pass over it.
 *
 * Memory: 8 bytes and a bit for each page, allocated in pieces of 260 KiB as pages come (I-6).
 */
export class PageTerms {
  readonly region: RegionEntry;
  readonly pageCount: number;
  readonly #codec: PageCodec;
  readonly #digest: Uint32Array;
  readonly #chunks = new Map<number, Chunk>();
  /** Whole chunks of zeros that came at once: a hole of any size costs nothing. */
  readonly #zeroChunks = new Set<number>();
  readonly #scratch = new Uint32Array(2);
  readonly #old = new Uint32Array(2);
  #terms = new Uint32Array();
  #cameCount = 0;

  /** `digest`, [low, high], is what all regions add up in. */
  constructor(region: RegionEntry, codec: PageCodec, digest: Uint32Array) {
    this.region = region;
    this.pageCount = region.sizeBytes / region.pageSize;
    this.#codec = codec;
    this.#digest = digest;
  }

  /** Pages that have come at least once. */
  get cameCount(): number {
    return this.#cameCount;
  }

  has(page: number): boolean {
    const index = Math.floor(page / CHUNK_PAGES);
    if (this.#zeroChunks.has(index)) return true;
    const bits = this.#chunks.get(index)?.came;
    const at = page % CHUNK_PAGES;
    return bits !== undefined && (bits[at >>> 3]! & (1 << (at & 7))) !== 0;
  }

  /** Whole pages from `firstPage` on, within the region. Returns the CRC32C of the bytes, continuing from `seed`. */
  data(firstPage: number, bytes: Uint8Array, seed: number): number {
    const { pageSize } = this.region;
    const terms = this.#room(bytes.length / pageSize);
    const crc = this.read(firstPage, bytes, seed, terms);
    for (let at = 0, page = firstPage; at < bytes.length; at += pageSize, page++) {
      const index = 2 * (page - firstPage);
      this.#replace(page, terms[index]!, terms[index + 1]!);
    }
    return crc;
  }

  /** What pages with these bytes would add, two words a page into `terms`; returns the CRC as `data` does. Changes nothing. */
  read(firstPage: number, bytes: Uint8Array, seed: number, terms: Uint32Array): number {
    const { id, pageSize } = this.region;
    const firstUnit = firstPage * (pageSize / DIGEST_UNIT_BYTES);
    return digestPages(this.#codec, bytes, seed, id, firstUnit, pageSize, terms);
  }

  /** Takes what `read` gave for page `page`. False when it is what was there: then the content is the same, or its CRC is. */
  replace(page: number, low: number, high: number): boolean {
    const chunk = this.#chunk(page);
    const at = page % CHUNK_PAGES;
    const isThere = (chunk.came[at >>> 3]! & (1 << (at & 7))) !== 0;
    if (isThere && chunk.terms[2 * at] === low && chunk.terms[2 * at + 1] === high) return false;
    this.#put(chunk, at, low, high);
    return true;
  }

  /**
   * Page `page` has come on a way of its own, with bytes of this CRC32C. False, and nothing is noted, where pages are larger than what the digest
   * is made of: it has to come again.
   */
  arrived(page: number, crc32c: number): boolean {
    const { id, pageSize } = this.region;
    if (pageSize !== DIGEST_UNIT_BYTES) return false;
    const term = new Uint32Array(2);
    addUnit(term, id, page, crc32c);
    this.#replace(page, term[0]!, term[1]!);
    return true;
  }

  /** Pages of zeros. */
  zero(firstPage: number, pageCount: number): void {
    const end = firstPage + pageCount;
    for (let page = firstPage; page < end; ) {
      const index = Math.floor(page / CHUNK_PAGES);
      const stop = Math.min(end, (index + 1) * CHUNK_PAGES);
      if (stop - page === this.#chunkPages(index)) this.#zeroChunk(index);
      else for (let one = page; one < stop; one++) this.#replace(one, 0, 0);
      page = stop;
    }
  }

  /** Pages are to come again: they count as not come until they do. */
  forget(firstPage: number, pageCount: number): void {
    for (let page = firstPage; page < firstPage + pageCount; page++) {
      if (!this.has(page)) continue;
      this.#replace(page, 0, 0);
      const at = page % CHUNK_PAGES;
      const bits = this.#chunk(page).came;
      bits[at >>> 3] = bits[at >>> 3]! & ~(1 << (at & 7));
      this.#cameCount--;
    }
  }

  #room(pageCount: number): Uint32Array {
    if (this.#terms.length < 2 * pageCount) this.#terms = new Uint32Array(2 * pageCount);
    return this.#terms;
  }

  #replace(page: number, low: number, high: number): void {
    this.#put(this.#chunk(page), page % CHUNK_PAGES, low, high);
  }

  /** Page `at` of a chunk. */
  #put({ terms, came }: Chunk, at: number, low: number, high: number): void {
    const bit = 1 << (at & 7);
    if ((came[at >>> 3]! & bit) === 0) {
      came[at >>> 3] = came[at >>> 3]! | bit;
      this.#cameCount++;
    } else {
      this.#old[0] = terms[2 * at]!;
      this.#old[1] = terms[2 * at + 1]!;
      subtractDigest(this.#digest, this.#old);
    }
    terms[2 * at] = low;
    terms[2 * at + 1] = high;
    this.#scratch[0] = low;
    this.#scratch[1] = high;
    addDigest(this.#digest, this.#scratch);
  }

  #zeroChunk(index: number): void {
    if (this.#zeroChunks.has(index)) return;
    const pages = this.#chunkPages(index);
    const first = index * CHUNK_PAGES;
    if (this.#chunks.has(index)) {
      for (let page = first; page < first + pages; page++) this.#replace(page, 0, 0);
      this.#chunks.delete(index);
    } else this.#cameCount += pages;
    this.#zeroChunks.add(index);
  }

  #chunk(page: number): Chunk {
    const index = Math.floor(page / CHUNK_PAGES);
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      const pages = this.#chunkPages(index);
      const isZero = this.#zeroChunks.delete(index);
      const came = new Uint8Array(Math.ceil(pages / 8)).fill(isZero ? 0xff : 0);
      chunk = { terms: new Uint32Array(2 * pages), came };
      this.#chunks.set(index, chunk);
    }
    return chunk;
  }

  #chunkPages(index: number): number {
    return Math.min(CHUNK_PAGES, this.pageCount - index * CHUNK_PAGES);
  }
}

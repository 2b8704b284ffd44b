import type { PageCodec } from './codec.ts';
import { hashPages } from './hash-pages.ts';

/** Entries of the table unless told: 24 bytes each, 6 MiB, one for each page of a GiB. */
export const DEFAULT_TWIN_ENTRIES = 2 ** 18;

/** At most one same-as run for this many pages: each is a jump for whoever restores, and 64 KiB of reading pay for one. */
const PAGES_PER_JUMP = 16;

/** Words of an entry: four of hash, region, page. */
const WORDS = 6;

/** Region of an entry that is free. */
const FREE = 0xffff_ffff;

export interface TwinRun {
  readonly sourceRegion: number;
  readonly sourcePage: number;
  readonly pageCount: number;
}

/**
 * Finds pages that came before with the same content.
 *
 * Alike means: the same hash of 128 bits. The bytes of the earlier page are gone when its twin comes, so they cannot be compared. The hash
 * is seeded by the stream id, which is drawn at random for each image, so a guest cannot prepare pages that collide; by accident
 * 2^30 pages collide with a probability of about 2^-69, and then the digest, which is computed from the real content, refuses the image.
 *
 * Bounded: a table of fixed size, where a newer page replaces an older one in the same place.
 */
export class PageTwins {
  readonly #codec: PageCodec;
  readonly #seedLow: number;
  readonly #seedHigh: number;
  readonly #table: Uint32Array;
  readonly #mask: number;
  #hashes = new Uint32Array();
  #pageSize = 0;
  #jumpsLeft = 0;
  #credit = 0;
  /** Index in `#hashes`, region and page of those that become findable with the next slab. */
  #fresh: { hash: Uint32Array; region: number; page: number; pageSize: number }[] = [];

  /** `entries`: a power of two. `streamId` is the seed. */
  constructor(codec: PageCodec, streamId: Uint8Array, entries: number) {
    if (!Number.isInteger(Math.log2(entries)) || entries > 2 ** 24) {
      throw new RangeError(`${entries} entries for same-as; a power of two up to 2^24`);
    }
    this.#codec = codec;
    const view = new DataView(streamId.buffer, streamId.byteOffset, streamId.byteLength);
    this.#seedLow = view.getUint32(0, true);
    this.#seedHigh = view.getUint32(4, true);
    this.#table = new Uint32Array(entries * WORDS).fill(FREE);
    this.#mask = entries - 1;
  }

  /** Another slab begins: what the one before brought can be found from now on. */
  begin(pages: Uint8Array, pageSize: number): void {
    for (const { hash, region, page } of this.#fresh) this.#insert(hash, region, page);
    this.#fresh = [];
    const pageCount = pages.length / pageSize;
    if (this.#hashes.length < pageCount * 4) this.#hashes = new Uint32Array(pageCount * 4);
    (this.#codec.hashPages ?? hashPages)(pages, pageSize, this.#seedLow, this.#seedHigh, this.#hashes);
    this.#pageSize = pageSize;
    this.#credit += pageCount;
    this.#jumpsLeft += Math.floor(this.#credit / PAGES_PER_JUMP);
    this.#credit %= PAGES_PER_JUMP;
  }

  /**
   * The twins of the first of `pageCount` pages from page `slabPage` of the slab on, and of as many after it as have twins side by
   * side. Undefined when it has none, or when there were too many jumps for the pages so far. `regionPageSize` gives the page size of
   * a region: twins have the same.
   */
  find(
    slabPage: number,
    pageCount: number,
    regionPageSize: (region: number) => number | undefined,
  ): TwinRun | undefined {
    if (this.#jumpsLeft === 0) return undefined;
    const at = this.#lookUp(slabPage);
    if (at < 0) return undefined;
    const sourceRegion = this.#table[at + 4]!;
    const sourcePage = this.#table[at + 5]!;
    if (regionPageSize(sourceRegion) !== this.#pageSize) return undefined;
    let length = 1;
    while (length < pageCount) {
      const next = this.#lookUp(slabPage + length);
      if (next < 0) break;
      if (this.#table[next + 4] !== sourceRegion || this.#table[next + 5] !== sourcePage + length) break;
      length++;
    }
    this.#jumpsLeft--;
    return { sourceRegion, sourcePage, pageCount: length };
  }

  /** Page `slabPage` of the slab is stored as page `page` of `region`. */
  stored(slabPage: number, region: number, page: number): void {
    const hash = this.#hashes.slice(4 * slabPage, 4 * slabPage + 4);
    this.#fresh.push({ hash, region, page, pageSize: this.#pageSize });
  }

  /** Where in the table an entry with this hash is; -1 when there is none. */
  #lookUp(slabPage: number): number {
    const from = 4 * slabPage;
    const at = (this.#hashes[from]! & this.#mask) * WORDS;
    if (this.#table[at + 4] === FREE) return -1;
    for (let word = 0; word < 4; word++) {
      if (this.#table[at + word] !== this.#hashes[from + word]) return -1;
    }
    return at;
  }

  #insert(hash: Uint32Array, region: number, page: number): void {
    const at = (hash[0]! & this.#mask) * WORDS;
    this.#table.set(hash, at);
    this.#table[at + 4] = region;
    this.#table[at + 5] = page;
  }
}

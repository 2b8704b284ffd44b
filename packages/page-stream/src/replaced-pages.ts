import type { PageTerms } from './migration/page-terms.ts';
import type { ParentImage } from './page-reader.ts';

/** Pages of one region that replace those of the parent, told apart by what each adds to the digest. */
export class ReplacedPages {
  readonly #terms: PageTerms;
  readonly #parent: ParentImage;
  readonly #isSame: (one: Uint8Array, other: Uint8Array) => boolean;
  #room = new Uint32Array();

  constructor(
    terms: PageTerms,
    parent: ParentImage,
    isSame: (one: Uint8Array, other: Uint8Array) => boolean,
  ) {
    this.#terms = terms;
    this.#parent = parent;
    this.#isSame = isSame;
  }

  /** Takes the pages in. Returns the CRC32C of all of them; `same` gets a byte for each, 1 where it is as in the parent. */
  take(firstPage: number, pages: Uint8Array, same: Uint8Array): number {
    const { pageSize } = this.#terms.region;
    const pageCount = pages.length / pageSize;
    if (this.#room.length < 2 * pageCount) this.#room = new Uint32Array(2 * pageCount);
    const crc = this.#terms.read(firstPage, pages, 0, this.#room);
    for (let page = 0; page < pageCount; page++) {
      const isOther = this.#terms.replace(firstPage + page, this.#room[2 * page]!, this.#room[2 * page + 1]!);
      same[page] = isOther ? 0 : this.#isAsBefore(firstPage + page, pages, page * pageSize);
    }
    return crc;
  }

  /** Takes in pages of zeros; as `take`. */
  takeZeros(firstPage: number, pageCount: number, same: Uint8Array): void {
    const zeros = new Uint8Array(this.#terms.region.pageSize);
    for (let page = 0; page < pageCount; page++) {
      const isOther = this.#terms.replace(firstPage + page, 0, 0);
      same[page] = isOther ? 0 : this.#isAsBefore(firstPage + page, zeros, 0);
    }
  }

  /** The same term is the same checksum, which other bytes may have, too. */
  #isAsBefore(page: number, pages: Uint8Array, at: number): 0 | 1 {
    const { id, pageSize } = this.#terms.region;
    const old = new Uint8Array(pageSize);
    this.#parent.readPages(id, page, old);
    return this.#isSame(pages.subarray(at, at + pageSize), old) ? 1 : 0;
  }
}

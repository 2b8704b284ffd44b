import type { IndexEntry } from './layout/index-part.ts';
import { mergeStretches } from './merge-order.ts';
import type { RegionEntry } from './page-run.ts';

/** A page count in an INDEX entry is a u32. */
const MAX_ENTRY_PAGES = 2 ** 32 - 1;

/** Which frame holds which pages: about 32 bytes for each stretch of pages in one frame. */
export class PageMap {
  readonly #regions: number[] = [];
  readonly #firstPages: number[] = [];
  readonly #pageCounts: number[] = [];
  readonly #offsets: number[] = [];
  /** Numbers of the entries by region and first page. */
  #order: Uint32Array = new Uint32Array();

  get length(): number {
    return this.#regions.length;
  }

  /** Neighbouring pages of one frame that are added one after the other become one entry. */
  add(region: number, firstPage: number, pageCount: number, frameOffset: number): void {
    const last = this.length - 1;
    const count = this.#pageCounts[last] ?? 0;
    const joins =
      this.#offsets[last] === frameOffset &&
      this.#regions[last] === region &&
      firstPage === this.#firstPages[last]! + count &&
      count + pageCount <= MAX_ENTRY_PAGES;
    if (joins) {
      this.#pageCounts[last] = count + pageCount;
      return;
    }
    this.#regions.push(region);
    this.#firstPages.push(firstPage);
    this.#pageCounts.push(pageCount);
    this.#offsets.push(frameOffset);
  }

  /** After the last `add`. */
  sort(): void {
    const regions = this.#regions;
    const pages = this.#firstPages;
    const before = (a: number, b: number) => regions[a]! - regions[b]! || pages[a]! - pages[b]!;
    this.#order = mergeStretches(this.length, before);
  }

  /** In order, after `sort`. */
  *entries(): Generator<IndexEntry> {
    for (const number of this.#order) yield this.#entry(number);
  }

  /** Entries `from` to `to` in order, after `sort`, without an object for each. */
  visit(
    from: number,
    to: number,
    each: (region: number, firstPage: number, pageCount: number, frameOffset: number) => void,
  ): void {
    for (let at = from; at < to; at++) {
      const number = this.#order[at]!;
      each(
        this.#regions[number]!,
        this.#firstPages[number]!,
        this.#pageCounts[number]!,
        this.#offsets[number]!,
      );
    }
  }

  /** Whether every page of every region is in just one entry; otherwise the first page that is missing or there twice. */
  firstGap(regions: readonly RegionEntry[]): { region: number; page: number; repeated: boolean } | undefined {
    let at = 0;
    for (const { id, sizeBytes, pageSize } of regions) {
      let page = 0;
      for (; at < this.length && this.#regions[this.#order[at]!] === id; at++) {
        const firstPage = this.#firstPages[this.#order[at]!]!;
        if (firstPage !== page)
          return { region: id, page: Math.min(page, firstPage), repeated: firstPage < page };
        page += this.#pageCounts[this.#order[at]!]!;
      }
      const pages = sizeBytes / pageSize;
      if (page !== pages) return { region: id, page: Math.min(page, pages), repeated: page > pages };
    }
    return at === this.length ? undefined : { region: regions.length, page: 0, repeated: true };
  }

  /** The entry that has the page, after `sort`. */
  find(region: number, page: number): IndexEntry | undefined {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const number = this.#order[middle]!;
      const before =
        this.#regions[number]! < region ||
        (this.#regions[number] === region && this.#firstPages[number]! <= page);
      if (before) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const entry = this.#entry(this.#order[low - 1]!);
    return entry.region === region && page < entry.firstPage + entry.pageCount ? entry : undefined;
  }

  #entry(number: number): IndexEntry {
    return {
      region: this.#regions[number]!,
      firstPage: this.#firstPages[number]!,
      pageCount: this.#pageCounts[number]!,
      frameOffset: this.#offsets[number]!,
    };
  }
}

import { MAX_BITMAP_PAGES, type PageBitmap, type RegionEntry } from '@stillframe/page-stream';
import type { DirtyRun } from '../guest.ts';

/** A set of pages: one bit each, allocated when the region is first named. */
export class PageSet {
  readonly #regions: readonly RegionEntry[];
  readonly #bits: (Uint8Array | undefined)[];
  #count = 0;

  constructor(regions: readonly RegionEntry[], runs: Iterable<DirtyRun> = []) {
    this.#regions = regions;
    this.#bits = regions.map(() => undefined);
    for (const run of runs) this.add(run);
  }

  get count(): number {
    return this.#count;
  }

  has(region: number, page: number): boolean {
    return ((this.#bits[region]?.[page >>> 3] ?? 0) & (1 << (page & 7))) !== 0;
  }

  /** The run lies within its region. */
  add({ region, firstPage, pageCount }: DirtyRun): void {
    const bits = (this.#bits[region] ??= new Uint8Array(Math.ceil(this.#pages(region) / 8)));
    for (let page = firstPage; page < firstPage + pageCount; page++) {
      const bit = 1 << (page & 7);
      if ((bits[page >>> 3]! & bit) !== 0) continue;
      bits[page >>> 3] = bits[page >>> 3]! | bit;
      this.#count++;
    }
  }

  delete({ region, firstPage, pageCount }: DirtyRun): void {
    const bits = this.#bits[region];
    if (bits === undefined) return;
    for (let page = firstPage; page < firstPage + pageCount; page++) {
      const bit = 1 << (page & 7);
      if ((bits[page >>> 3]! & bit) === 0) continue;
      bits[page >>> 3] = bits[page >>> 3]! & ~bit;
      this.#count--;
    }
  }

  /** The first run at or behind `page` of `region`, of at most `maxPages`; from the beginning again after the last region. */
  next(region: number, page: number, maxPages: number): DirtyRun | undefined {
    if (this.#count === 0) return undefined;
    const regionCount = this.#regions.length;
    // The first region twice: behind `page`, and in the end before it.
    for (let step = 0; step <= regionCount; step++) {
      const at = (region + step) % regionCount;
      const run = this.#nextIn(at, step === 0 ? page : 0, maxPages);
      if (run !== undefined) return run;
    }
    return undefined;
  }

  /** Ascending. */
  *runs(): Generator<DirtyRun> {
    for (const { id } of this.#regions) {
      let run = this.#nextIn(id, 0, Infinity);
      while (run !== undefined) {
        yield run;
        run = this.#nextIn(id, run.firstPage + run.pageCount, Infinity);
      }
    }
  }

  /** As the format sends it; stretches without any page are left out. */
  *bitmaps(): Generator<PageBitmap> {
    const all: Omit<PageBitmap, 'last'>[] = [];
    for (const { id } of this.#regions) {
      const bits = this.#bits[id];
      if (bits === undefined) continue;
      for (let firstPage = 0; firstPage < this.#pages(id); firstPage += MAX_BITMAP_PAGES) {
        const pageCount = Math.min(MAX_BITMAP_PAGES, this.#pages(id) - firstPage);
        const part = bits.slice(firstPage / 8, Math.ceil((firstPage + pageCount) / 8));
        if (part.some((byte) => byte !== 0)) all.push({ region: id, firstPage, pageCount, bits: part });
      }
    }
    for (const [index, bitmap] of all.entries()) yield { ...bitmap, last: index === all.length - 1 };
  }

  /** Adds the pages of a bitmap whose bits and range the decoder has checked. */
  addBitmap({ region, firstPage, pageCount, bits }: PageBitmap): void {
    for (let index = 0; index < pageCount; index++) {
      if ((bits[index >>> 3]! & (1 << (index & 7))) !== 0) {
        this.add({ region, firstPage: firstPage + index, pageCount: 1 });
      }
    }
  }

  #nextIn(region: number, from: number, maxPages: number): DirtyRun | undefined {
    const bits = this.#bits[region];
    const end = this.#pages(region);
    if (bits === undefined) return undefined;
    let page = from;
    while (page < end && !this.has(region, page)) {
      // Whole bytes of nothing are passed over at once.
      page = (page & 7) === 0 && bits[page >>> 3] === 0 ? page + 8 : page + 1;
    }
    if (page >= end) return undefined;
    let stop = page + 1;
    while (stop < end && stop - page < maxPages && this.has(region, stop)) stop++;
    return { region, firstPage: page, pageCount: stop - page };
  }

  #pages(region: number): number {
    const { sizeBytes, pageSize } = this.#regions[region]!;
    return sizeBytes / pageSize;
  }
}

import type { RegionEntry } from '@stillframe/page-stream';
import { shades } from './bars.ts';
import { showCount } from './units.ts';

/** Characters of the map of one region. */
const MAP_CHARACTERS = 64;

/** Runs of each region that are spelled out. */
const RUNS_SHOWN = 8;

/** Neighbouring pages of one region. */
export interface MappedRun {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
}

/** Which pages of regions have something about them, for people: how many, the first runs, and a map of where. Takes little memory. */
export class PageMapText {
  readonly #regions: readonly RegionMap[];

  constructor(regions: readonly RegionEntry[]) {
    this.#regions = regions.map((region) => new RegionMap(region));
  }

  add({ region, ...run }: MappedRun): void {
    this.#regions[region]!.add(run);
  }

  get pages(): number {
    return this.#regions.reduce((sum, { pages }) => sum + pages, 0);
  }

  /** `word` says what they are, e.g. `lost`. Regions without such pages are left out. */
  text(word: string): string {
    return this.#regions
      .filter(({ pages }) => pages > 0)
      .map((region) => region.text(word))
      .join('\n');
  }
}

class RegionMap {
  readonly #name: string;
  readonly #pageCount: number;
  readonly #counts: Float64Array;
  readonly #shown: Omit<MappedRun, 'region'>[] = [];
  #runs = 0;
  pages = 0;

  constructor({ name, sizeBytes, pageSize }: RegionEntry) {
    this.#name = name;
    this.#pageCount = sizeBytes / pageSize;
    this.#counts = new Float64Array(Math.min(MAP_CHARACTERS, this.#pageCount));
  }

  add(run: Omit<MappedRun, 'region'>): void {
    this.#runs += 1;
    this.pages += run.pageCount;
    if (this.#shown.length < RUNS_SHOWN) this.#shown.push(run);
    const end = run.firstPage + run.pageCount;
    for (let cell = this.#cellOf(run.firstPage); cell < this.#counts.length; cell++) {
      const start = this.#cellStart(cell);
      if (start >= end) return;
      this.#counts[cell]! += Math.min(end, this.#cellStart(cell + 1)) - Math.max(run.firstPage, start);
    }
  }

  text(word: string): string {
    const shown = this.#shown.map(({ firstPage, pageCount }) =>
      pageCount === 1 ? `${firstPage}` : `${firstPage}–${firstPage + pageCount - 1}`,
    );
    const more = this.#runs - shown.length;
    if (more > 0) shown.push(`and ${showCount(more)} more runs`);
    const shares = Array.from(
      this.#counts,
      (count, cell) => count / (this.#cellStart(cell + 1) - this.#cellStart(cell)),
    );
    return [
      `  ${this.#name}: ${showCount(this.pages)} of ${showCount(this.#pageCount)} pages ${word}: ${shown.join(', ')}`,
      `    ${shades(shares)}`,
    ].join('\n');
  }

  /** The first page that a character of the map stands for. */
  #cellStart(cell: number): number {
    return Math.floor((cell * this.#pageCount) / this.#counts.length);
  }

  #cellOf(page: number): number {
    let cell = Math.floor((page * this.#counts.length) / this.#pageCount);
    while (cell + 1 < this.#counts.length && this.#cellStart(cell + 1) <= page) cell++;
    return cell;
  }
}

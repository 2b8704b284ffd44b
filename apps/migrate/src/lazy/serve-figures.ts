import { waitQuantilesNs } from '@stillframe/snapshot';
import type { PageServer } from '@stillframe/uffd';
import { showCount, showUs } from '../report/units.ts';

/** How the pages of a lazy restore came. */
export interface ServeFigures {
  readonly pages: number;
  readonly missingPages: number;
  readonly faultPages: number;
  readonly besidePages: number;
  readonly prefetchedPages: number;
  readonly filledPages: number;
  readonly removedPages: number;
  readonly lostPages: number;
  readonly faultUs: { readonly p50: number; readonly p99: number; readonly max: number };
}

export function figuresOf(server: PageServer): ServeFigures {
  const { faultWait, faultWaitMaxNs, faults: _, duplicatePages: __, ...counts } = server.stats();
  const [p50 = 0, p99 = 0] = waitQuantilesNs(faultWait, [0.5, 0.99]);
  return { ...counts, faultUs: { p50: p50 / 1e3, p99: p99 / 1e3, max: faultWaitMaxNs / 1e3 } };
}

export function figureRows(figures: ServeFigures): [string, string][] {
  const { pages, missingPages, faultPages, besidePages, prefetchedPages, filledPages, faultUs } = figures;
  const { removedPages, lostPages } = figures;
  return [
    ['pages', `${showCount(pages)}, of which ${showCount(pages - missingPages)} came`],
    ['by fault', `${showCount(faultPages)}, and ${showCount(besidePages)} along with them`],
    ['ahead', showCount(prefetchedPages)],
    ['unpacked', showCount(filledPages)],
    ['fault', `p50 ${showUs(faultUs.p50)}, p99 ${showUs(faultUs.p99)}, longest ${showUs(faultUs.max)}`],
    ...(removedPages === 0 ? [] : ([['given back', showCount(removedPages)]] satisfies [string, string][])),
    ...(lostPages === 0 ? [] : ([['LOST', showCount(lostPages)]] satisfies [string, string][])),
  ];
}

export function rowsText(rows: readonly [string, string][]): string {
  return rows.map(([name, value]) => `  ${name.padEnd(13)} ${value}`).join('\n');
}

import type { DirtyRun } from '@stillframe/migration';

/** Whether pages are missing, stretch by stretch. The runs ascend and do not overlap. */
export class MissingLookup {
  readonly #runs = new Map<number, DirtyRun[]>();

  constructor(missing: readonly DirtyRun[]) {
    for (const run of missing) {
      const runs = this.#runs.get(run.region);
      if (runs === undefined) this.#runs.set(run.region, [run]);
      else runs.push(run);
    }
  }

  /** Of `page` and those up to `end`, which may lie beyond the region. */
  stretch(region: number, page: number): { readonly isMissing: boolean; readonly end: number } {
    const runs = this.#runs.get(region) ?? [];
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { firstPage, pageCount } = runs[middle]!;
      if (firstPage + pageCount <= page) low = middle + 1;
      else high = middle;
    }
    const run = runs[low];
    if (run === undefined) return { isMissing: false, end: Number.MAX_SAFE_INTEGER };
    return run.firstPage > page
      ? { isMissing: false, end: run.firstPage }
      : { isMissing: true, end: run.firstPage + run.pageCount };
  }
}

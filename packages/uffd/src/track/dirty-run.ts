/** Pages of one region that follow each other and were written. */
export interface DirtyRun {
  /** Index of the region in `DirtyTracker.regions`. */
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
}

const RUN_WORDS = 3;

/** From the native tracker's triples of region, first page, pages. */
export function decodeRuns(words: Uint32Array): DirtyRun[] {
  const runs: DirtyRun[] = [];
  for (let at = 0; at < words.length; at += RUN_WORDS) {
    runs.push({ region: words[at]!, firstPage: words[at + 1]!, pageCount: words[at + 2]! });
  }
  return runs;
}

/** Pages in all runs. */
export function pagesIn(runs: readonly DirtyRun[]): number {
  return runs.reduce((sum, { pageCount }) => sum + pageCount, 0);
}

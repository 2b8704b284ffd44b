import type { MissingPages } from '@stillframe/migration';

/** Each range is a mapping of its own to the kernel, of which a process has 65,530 by default. */
export const MAX_RANGES = 4096;

/**
 * Runs of missing pages as at most `MAX_RANGES` ranges, ascending: neighbours are joined across pages that are there, as few as will do. Runs
 * of one region ascend.
 */
export function missingRanges(missing: readonly MissingPages[], maxRanges = MAX_RANGES): MissingPages[] {
  let ranges = joined(missing, 0);
  for (let gapPages = 1; ranges.length > maxRanges; gapPages *= 2) ranges = joined(ranges, gapPages);
  return ranges;
}

function joined(runs: readonly MissingPages[], gapPages: number): MissingPages[] {
  const ranges: MissingPages[] = [];
  for (const run of runs) {
    const last = ranges.at(-1);
    if (last?.region === run.region && run.firstPage - (last.firstPage + last.pageCount) <= gapPages) {
      ranges[ranges.length - 1] = { ...last, pageCount: run.firstPage + run.pageCount - last.firstPage };
    } else ranges.push(run);
  }
  return ranges;
}

/** What lies in `ranges` and is not missing: pages that are there. */
export function gapsIn(ranges: readonly MissingPages[], missing: readonly MissingPages[]): MissingPages[] {
  const gaps: MissingPages[] = [];
  let at = 0;
  for (const { region, firstPage, pageCount } of ranges) {
    let page = firstPage;
    const end = firstPage + pageCount;
    for (; at < missing.length && missing[at]!.region === region && missing[at]!.firstPage < end; at++) {
      const run = missing[at]!;
      if (run.firstPage > page) gaps.push({ region, firstPage: page, pageCount: run.firstPage - page });
      page = run.firstPage + run.pageCount;
    }
  }
  return gaps;
}

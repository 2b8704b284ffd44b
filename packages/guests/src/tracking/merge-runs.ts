import type { DirtyRun } from '@stillframe/uffd';

/** Both lists in one, ascending; pages that are in both come once. */
export function mergeRuns(some: readonly DirtyRun[], others: readonly DirtyRun[]): DirtyRun[] {
  const sorted = [...some, ...others].toSorted(
    (one, other) => one.region - other.region || one.firstPage - other.firstPage,
  );
  const merged: { region: number; firstPage: number; pageCount: number }[] = [];
  for (const { region, firstPage, pageCount } of sorted) {
    const last = merged.at(-1);
    if (last === undefined || last.region !== region || last.firstPage + last.pageCount < firstPage) {
      merged.push({ region, firstPage, pageCount });
      continue;
    }
    last.pageCount = Math.max(last.pageCount, firstPage + pageCount - last.firstPage);
  }
  return merged;
}

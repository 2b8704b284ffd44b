import type { PageRun } from '@stillframe/page-stream';
import type { DirtyRun } from '../guest.ts';

/** Pages that travel together: of one region, at most `BATCH_BYTES`, or one page where a page is larger. */
export interface PageBatch {
  readonly region: number;
  readonly runs: readonly PageRun[];
  readonly sizeBytes: number;
}

/** A megabyte: large enough for the link to be busy, small enough to be one frame and to be overtaken by a request. */
export const BATCH_BYTES = 1024 * 1024;

/** Divides runs, in their order, into batches. */
export function* batchesOf(
  runs: Iterable<DirtyRun>,
  pageSizes: readonly number[],
  batchBytes = BATCH_BYTES,
): Generator<PageBatch> {
  let region = -1;
  let batch: PageRun[] = [];
  let pages = 0;
  for (const run of runs) {
    const pageSize = pageSizes[run.region]!;
    const maxPages = Math.max(1, Math.floor(batchBytes / pageSize));
    if (run.region !== region) {
      if (pages > 0) yield { region, runs: batch, sizeBytes: pages * pageSizes[region]! };
      [region, batch, pages] = [run.region, [], 0];
    }
    for (let done = 0; done < run.pageCount; ) {
      const pageCount = Math.min(run.pageCount - done, maxPages - pages);
      batch.push({ firstPage: run.firstPage + done, pageCount, kind: 'data' });
      pages += pageCount;
      done += pageCount;
      if (pages < maxPages) continue;
      yield { region, runs: batch, sizeBytes: pages * pageSize };
      [batch, pages] = [[], 0];
    }
  }
  if (pages > 0) yield { region, runs: batch, sizeBytes: pages * pageSizes[region]! };
}

export function pagesIn(runs: readonly DirtyRun[]): number {
  return runs.reduce((sum, { pageCount }) => sum + pageCount, 0);
}

export function bytesIn(runs: readonly DirtyRun[], pageSizes: readonly number[]): number {
  return runs.reduce((sum, { region, pageCount }) => sum + pageCount * pageSizes[region]!, 0);
}

import { waitBucketIndex, waitQuantilesNs } from '@stillframe/snapshot';
import type { Writes } from './load.ts';

/** A write that no page fault held up takes less; one that did takes more. */
export const WAITED_NS = 3000;

/** The wait at `quantile` of all writes, µs. */
export function quantileUs({ counts }: Writes, quantile: number): number {
  return waitQuantilesNs(counts, [quantile])[0]! / 1000;
}

/** Of the writes that had to wait: how long at `quantile`, µs. */
export function waitedQuantileUs({ counts }: Writes, quantile: number): number {
  const waited = counts.slice();
  waited.fill(0, 0, waitBucketIndex(WAITED_NS));
  return waitQuantilesNs(waited, [quantile])[0]! / 1000;
}

/** Percent of the writes that had to wait. */
export function waitedPercent({ counts }: Writes): number {
  const from = waitBucketIndex(WAITED_NS);
  let all = 0;
  let waited = 0;
  for (const [bucket, count] of counts.entries()) {
    all += count;
    if (bucket >= from) waited += count;
  }
  return all === 0 ? 0 : (waited / all) * 100;
}

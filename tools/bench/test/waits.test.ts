import { WAIT_BUCKET_COUNT, waitBucketFloorNs, waitBucketIndex } from '@stillframe/snapshot';
import { expect, test } from 'vitest';
import { type Writes, writesOf } from '../src/load.ts';
import { quantileUs, WAITED_NS, waitedPercent, waitedQuantileUs } from '../src/waits.ts';

function writes(...waits: [ns: number, count: number][]): Writes {
  const counts = new Float64Array(WAIT_BUCKET_COUNT);
  for (const [ns, count] of waits) counts[waitBucketIndex(ns)]! += count;
  return { counts, longestNs: Math.max(...waits.map(([ns]) => ns)) };
}

/** What a quantile says of a wait: the end of its bucket. */
const us = (ns: number): number => (waitBucketFloorNs(waitBucketIndex(ns) + 1) - 1) / 1000;

test('quantiles of all writes, and of those that waited', () => {
  const some = writes([100, 970], [50_000, 29], [900_000, 1]);
  expect(quantileUs(some, 0.5)).toBe(us(100));
  expect(quantileUs(some, 0.99)).toBe(us(50_000));
  expect(quantileUs(some, 1)).toBe(us(900_000));
  expect(waitedQuantileUs(some, 0.5)).toBe(us(50_000));
  expect(waitedQuantileUs(some, 0.99)).toBe(us(900_000));
});

test('a write has waited from the threshold on', () => {
  expect(waitedPercent(writes([waitBucketFloorNs(waitBucketIndex(WAITED_NS)) - 1, 3], [WAITED_NS, 1]))).toBe(
    25,
  );
  expect(waitedPercent({ counts: new Float64Array(WAIT_BUCKET_COUNT), longestNs: 0 })).toBe(0);
});

test('what a peer printed is read back', () => {
  const read = writesOf({
    longestNs: 77,
    counts: [
      [3, 5],
      [40, 1],
    ],
  });
  expect(read.longestNs).toBe(77);
  expect([read.counts[3], read.counts[40], read.counts[41]]).toEqual([5, 1, 0]);
  expect(() => writesOf({ longestNs: 77 })).toThrow(/counts is missing/);
  expect(() => writesOf({ counts: [] })).toThrow(/longestNs is missing/);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  WAIT_BUCKET_COUNT,
  waitBucketFloorNs,
  waitBucketIndex,
  waitDifference,
  waitQuantilesNs,
  waitTotal,
} from '../src/wait-histogram.ts';

/** The definition in integer arithmetic, written the way the native engine writes it. */
function indexByDefinition(value: bigint): number {
  if (value < 16n) return Number(value);
  const exponent = value.toString(2).length - 1;
  const sub = (value >> BigInt(exponent - 4)) & 15n;
  return (exponent - 3) * 16 + Number(sub);
}

function counted(values: readonly number[]): Float64Array {
  const counts = new Float64Array(WAIT_BUCKET_COUNT);
  for (const value of values) counts[waitBucketIndex(value)]! += 1;
  return counts;
}

const wait = fc.oneof(
  fc.maxSafeNat(),
  fc.integer({ min: 0, max: 5_000_000 }),
  fc
    .tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: -1, max: 1 }))
    .map(([e, d]) => Math.max(0, 2 ** e + d)),
);

describe('wait buckets', () => {
  it.each([
    [0, 0],
    [15, 15],
    [16, 16],
    [31, 31],
    [32, 32],
    [33, 32],
    [34, 33],
    [63, 47],
    [64, 48],
    [1000, 111],
    [2 ** 32 - 1, 29 * 16 - 1],
    [2 ** 32, 29 * 16],
    [Number.MAX_SAFE_INTEGER, 50 * 16 - 1],
  ])('%d ns is in bucket %d', (value, index) => {
    expect(waitBucketIndex(value)).toBe(index);
  });

  it('agree with the definition in integers', () => {
    fc.assert(fc.property(wait, (value) => waitBucketIndex(value) === indexByDefinition(BigInt(value))));
  });

  it('reach the largest 64-bit value inside the array', () => {
    expect(indexByDefinition(2n ** 64n - 1n)).toBeLessThan(WAIT_BUCKET_COUNT);
  });

  it('contain what they are named after', () => {
    fc.assert(
      fc.property(wait, (value) => {
        const index = waitBucketIndex(value);
        expect(waitBucketFloorNs(index)).toBeLessThanOrEqual(value);
        expect(waitBucketFloorNs(index + 1)).toBeGreaterThan(value);
      }),
    );
  });

  it('join without gap and without overlap', () => {
    for (let index = 0; index < 49 * 16; index++) {
      expect(waitBucketIndex(waitBucketFloorNs(index))).toBe(index);
      expect(waitBucketIndex(waitBucketFloorNs(index + 1) - 1)).toBe(index);
    }
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])('refuse a wait of %d', (value) => {
    expect(() => waitBucketIndex(value)).toThrow(RangeError);
  });

  it.each([-1, 0.5, WAIT_BUCKET_COUNT + 1])('refuse an index of %d', (index) => {
    expect(() => waitBucketFloorNs(index)).toThrow(RangeError);
  });
});

describe('wait quantiles', () => {
  it('are 0 when nothing waited', () => {
    expect(waitQuantilesNs(counted([]), [0, 0.5, 1])).toEqual([0, 0, 0]);
  });

  it('are at or above the sorted values they stand for, by one sixteenth at most', () => {
    const quantiles = [0, 0.5, 0.9, 0.99, 1];
    fc.assert(
      fc.property(fc.array(wait, { minLength: 1, maxLength: 200 }), (values) => {
        const sorted = values.toSorted((a, b) => a - b);
        const found = waitQuantilesNs(counted(values), quantiles);
        for (const [at, quantile] of quantiles.entries()) {
          const exact = sorted[Math.max(1, Math.ceil(quantile * sorted.length)) - 1]!;
          expect(found[at]).toBeGreaterThanOrEqual(exact);
          expect(found[at]).toBeLessThanOrEqual(exact + Math.floor(exact / 16));
        }
      }),
    );
  });

  it('of a difference see only the waits between two readings', () => {
    const older = counted([10, 10, 10]);
    const newer = counted([10, 10, 10, 5000]);
    const between = waitDifference(newer, older, new Float64Array(WAIT_BUCKET_COUNT));
    expect(waitTotal(between)).toBe(1);
    expect(waitBucketIndex(waitQuantilesNs(between, [0])[0]!)).toBe(waitBucketIndex(5000));
  });

  it('refuse histograms of different lengths', () => {
    expect(() => waitDifference(new Float64Array(2), new Float64Array(3), new Float64Array(3))).toThrow(
      RangeError,
    );
  });
});

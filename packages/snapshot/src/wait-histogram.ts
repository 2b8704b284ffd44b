import type { WaitCounts } from './guest.ts';

/**
 * A log-linear histogram of nanoseconds: every power of two is cut into 16 equal buckets, so a bucket is at most 1/16 (6.25 %) wide
 * relative to its floor, from 1 ns to centuries, in one array of fixed length that a native thread can count into without a lock.
 *
 * Definition, shared bit for bit with the native engine. For a whole value `v`:
 * - `v < 16`: the index is `v`.
 * - otherwise `e = floor(log2 v)`, `sub = (v >> (e − 4)) & 15`, and the index is `(e − 3) × 16 + sub`.
 */
export const WAIT_SUB_BUCKET_BITS = 4;
export const WAIT_SUB_BUCKETS = 2 ** WAIT_SUB_BUCKET_BITS;
/** One more group of 16 than 64-bit values can reach, so that no index computed by the definition is out of range. */
export const WAIT_BUCKET_COUNT = 64 * WAIT_SUB_BUCKETS;

/** The bucket of a wait of `waitNs`, a whole number from 0 to 2^53. */
export function waitBucketIndex(waitNs: number): number {
  if (!Number.isSafeInteger(waitNs) || waitNs < 0) {
    throw new RangeError(`waitNs must be a whole number from 0 to 2^53 - 1, got ${waitNs}`);
  }
  if (waitNs < WAIT_SUB_BUCKETS) return waitNs;
  const exponent = floorLog2(waitNs);
  // Dividing by a power of two is exact, and the quotient is below 32.
  const sub = Math.floor(waitNs / 2 ** (exponent - WAIT_SUB_BUCKET_BITS)) & (WAIT_SUB_BUCKETS - 1);
  return (exponent - WAIT_SUB_BUCKET_BITS + 1) * WAIT_SUB_BUCKETS + sub;
}

/** The smallest wait, in ns, that falls into bucket `index`; for `WAIT_BUCKET_COUNT`, the end of the last bucket. */
export function waitBucketFloorNs(index: number): number {
  if (!Number.isInteger(index) || index < 0 || index > WAIT_BUCKET_COUNT) {
    throw new RangeError(`index must be a whole number from 0 to ${WAIT_BUCKET_COUNT}, got ${index}`);
  }
  if (index < WAIT_SUB_BUCKETS) return index;
  const exponent = Math.floor(index / WAIT_SUB_BUCKETS) + WAIT_SUB_BUCKET_BITS - 1;
  return (WAIT_SUB_BUCKETS + (index % WAIT_SUB_BUCKETS)) * 2 ** (exponent - WAIT_SUB_BUCKET_BITS);
}

/** How many waits `counts` holds. */
export function waitTotal(counts: WaitCounts): number {
  let total = 0;
  for (let index = 0; index < counts.length; index++) total += counts[index]!;
  return total;
}

/**
 * The waits at each of `quantiles` (0 to 1, ascending), in ns; 0 for each when there were no waits.
 *
 * The answer is the largest wait that the bucket can hold, so it may be up to 6.25 % above the truth and is never below it.
 */
export function waitQuantilesNs(counts: WaitCounts, quantiles: readonly number[]): number[] {
  const total = waitTotal(counts);
  if (total === 0) return quantiles.map(() => 0);
  const found: number[] = [];
  let seen = 0;
  let last = 0;
  for (let index = 0; index < counts.length && found.length < quantiles.length; index++) {
    if (counts[index] === 0) continue;
    seen += counts[index]!;
    last = waitBucketFloorNs(index + 1) - 1;
    // A quantile of 0 means the smallest wait, which is the first one seen.
    while (
      found.length < quantiles.length &&
      seen >= Math.max(1, Math.ceil(quantiles[found.length]! * total))
    ) {
      found.push(last);
    }
  }
  // Rounding of quantile × total may ask for one wait more than there are.
  while (found.length < quantiles.length) found.push(last);
  return found;
}

/** `into[i] = newer[i] − older[i]`: the waits between two readings of one cumulative histogram. Returns `into`. */
export function waitDifference(newer: WaitCounts, older: WaitCounts, into: WaitCounts): WaitCounts {
  if (newer.length !== older.length || newer.length !== into.length) {
    throw new RangeError(`histograms differ in length: ${newer.length}, ${older.length}, ${into.length}`);
  }
  for (let index = 0; index < into.length; index++) into[index] = newer[index]! - older[index]!;
  return into;
}

function floorLog2(value: number): number {
  return value < 2 ** 32 ? 31 - Math.clz32(value) : 63 - Math.clz32(Math.floor(value / 2 ** 32));
}

import { elapse } from './elapsed.ts';
import { divideExactly } from './exact-division.ts';

/** Tokens in a bucket, exactly: `bytes` (negative in debt) plus `nanoBytes` × 10⁻⁹, both whole. */
export interface BucketLevel {
  readonly bytes: number;
  /** 0 … 999 999 999. One nano-byte is what one byte per second gives in one nanosecond. */
  readonly nanoBytes: number;
  /** Up to when the bucket has been filled. */
  readonly lastNs: number;
}

/** Largest rate and burst: below it, sums of bytes are exact in a number. A pebibyte a second is fast enough. */
export const MAX_BUCKET_BYTES = 2 ** 50;

const NANO = 1_000_000_000;

/** The level at `nowNs`, at most `capacity` bytes. */
export function fill(level: BucketLevel, rate: number, capacity: number, nowNs: number): BucketLevel {
  const { elapsedNs, lastNs } = elapse(level.lastNs, nowNs);
  const gain = divideExactly(elapsedNs, rate, level.nanoBytes, NANO);
  const bytes = level.bytes + gain.quotient;
  if (bytes >= capacity) return { bytes: capacity, nanoBytes: 0, lastNs };
  return { bytes, nanoBytes: gain.remainder, lastNs };
}

/** When the bucket will hold `bytes`, which is more than it does now; rounded up to a whole nanosecond. */
export function fullEnoughNs(level: BucketLevel, rate: number, bytes: number): number {
  const roundUp = rate - 1;
  return level.lastNs + divideExactly(bytes - level.bytes, NANO, roundUp - level.nanoBytes, rate).quotient;
}

import type { Grant, Observation } from '../limiter.ts';
import { toWhole } from '../whole.ts';
import { type BucketLevel, fill, fullEnoughNs } from './bucket-level.ts';

/** A bucket of bytes at `lastNs` that pays for what the sweep captures, and the swept pages that were held then. */
export interface RateBucket extends BucketLevel {
  /** Null before the first observation. */
  readonly heldPages: number | null;
}

/** Whole bytes per second, at least 1, and the most that may be saved up. One page may always be. */
export interface RateTerms {
  readonly rate: number;
  readonly burst: number;
}

/** Slower than one small page a second is a stop. */
export const MIN_RATE = 4096;

/** Tokens are handed out in lots worth this much time, so that a fast bucket is not asked for every page. */
export const LOT_SECONDS = 0.005;

export function openBucket(nowNs: number, bytes: number): RateBucket {
  return { bytes, nanoBytes: 0, lastNs: toWhole(nowNs), heldPages: null };
}

/**
 * The bucket as of this observation: filled at the rate that held until now, then charged for what was captured since the last one.
 *
 * In this order, because pages may have been captured last: so the bucket is never fuller than the true one. What overflows while a grant is
 * out is lost; nothing else is. A driver that sweeps past its grant runs into debt, at most a burst deep.
 */
export function refill(bucket: RateBucket, { rate, burst }: RateTerms, observation: Observation): RateBucket {
  const capacity = Math.max(burst, pageSizeOf(observation));
  return charge(bucket, fill(bucket, rate, capacity, observation.nowNs), capacity, observation);
}

/** `filled`, charged for what was captured since `before`. */
export function charge(
  before: RateBucket,
  filled: BucketLevel,
  capacity: number,
  observation: Observation,
): RateBucket {
  const paid = filled.bytes - capturedPages(before, observation) * pageSizeOf(observation);
  return {
    bytes: Math.max(-capacity, paid),
    nanoBytes: filled.nanoBytes,
    lastNs: filled.lastNs,
    heldPages: heldPages(observation),
  };
}

/** All that the bucket pays for, at once, if that is at least a lot; else one lot, at the time when it will be paid for. */
export function grantOf(
  bucket: RateBucket,
  terms: RateTerms,
  observation: Observation,
  reason?: string,
): Grant {
  const pageSize = pageSizeOf(observation);
  const wanted = Math.min(lotPages(terms, pageSize), toWhole(observation.pagesLeft));
  const pages = affordablePages(bucket, wanted, observation);
  if (pages !== undefined) return spend(pages, observation, reason ?? 'tokens');
  const dueNs = fullEnoughNs(bucket, terms.rate, wanted * pageSize);
  return waitFor(wanted, dueNs, reason ?? 'waiting for tokens');
}

/** How many pages are handed out at a time; at least one, and no more than the bucket holds. */
export function lotPages({ rate, burst }: RateTerms, pageSize: number): number {
  const most = Math.floor(Math.max(burst, pageSize) / pageSize);
  return Math.min(most, Math.max(1, Math.floor((rate * LOT_SECONDS) / pageSize)));
}

/** What the bucket pays for now, or undefined when that is less than `wanted`. */
export function affordablePages(
  bucket: BucketLevel,
  wanted: number,
  observation: Observation,
): number | undefined {
  const affordable = Math.max(0, Math.floor(bucket.bytes / pageSizeOf(observation)));
  return affordable >= wanted ? Math.min(affordable, toWhole(observation.pagesLeft)) : undefined;
}

export function spend(pages: number, { nowNs }: Observation, reason: string): Grant {
  return { pages, notBeforeNs: toWhole(nowNs), wakeOnFault: false, reason };
}

export function waitFor(pages: number, dueNs: number, reason: string): Grant {
  return { pages, notBeforeNs: toWhole(dueNs), wakeOnFault: false, reason };
}

export function pageSizeOf({ pageSize }: Observation): number {
  return Math.max(1, toWhole(pageSize));
}

/** Swept pages that are captured and that the sink has not taken. */
export function heldPages({ sweptPagesHeld = 0 }: Observation): number {
  return toWhole(sweptPagesHeld);
}

/** By the sweep, since the last observation. The first one is the baseline: its pages were granted by somebody else. */
function capturedPages(before: RateBucket, observation: Observation): number {
  if (before.heldPages === null) return 0;
  return toWhole(toWhole(observation.sweptPages) + heldPages(observation) - before.heldPages);
}

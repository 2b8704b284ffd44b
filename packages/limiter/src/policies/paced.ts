import type { Grant, Observation } from '../limiter.ts';
import { toWhole } from '../whole.ts';
import { MAX_BUCKET_BYTES } from './bucket-level.ts';
import { elapse } from './elapsed.ts';
import { grantOf, openBucket, pageSizeOf, type RateBucket, type RateTerms, refill } from './rate-bucket.ts';

/** A bucket whose rate a policy moves. */
export interface Paced {
  readonly bucket: RateBucket;
  /** Bytes per second; a fraction is kept, so that small steps add up. */
  readonly rate: number;
  /** When the rate was last considered. */
  readonly lastNs: number;
}

/** What a policy that moves a rate is told. */
export interface Sense {
  /** Since the rate was last considered. */
  readonly elapsedNs: number;
  /** The bucket holds the sweep back. Otherwise something else does, and a higher rate would be a promise nobody has tested. */
  readonly isLimiting: boolean;
}

/** What may be saved up, in time: more than a driver takes from one grant to the next, so that the rate is had in full. */
const BURST_SECONDS = 0.05;

export function openPaced(nowNs: number, rate: number): Paced {
  const { burst } = termsOf(rate);
  return { bucket: openBucket(nowNs, burst), rate, lastNs: toWhole(nowNs) };
}

/**
 * The bucket goes on at its rate up to now; then `decide` may choose another. It is asked only when pages or faults have come: so a rate is
 * constant while nothing happens, and waiting never costs what has been promised.
 */
export function pace(paced: Paced, observation: Observation, decide: (sense: Sense) => number): Paced {
  const terms = termsOf(paced.rate);
  const bucket = refill(paced.bucket, terms, observation);
  if (!hasMoved(observation)) return { ...paced, bucket };
  const { elapsedNs, lastNs } = elapse(paced.lastNs, observation.nowNs);
  const capacity = Math.max(terms.burst, pageSizeOf(observation));
  const rate = decide({ elapsedNs, isLimiting: bucket.bytes * 2 < capacity });
  const most = Math.max(termsOf(rate).burst, pageSizeOf(observation));
  return { bucket: { ...bucket, bytes: Math.min(bucket.bytes, most) }, rate, lastNs };
}

export function pacedGrant({ bucket, rate }: Paced, observation: Observation, reason: string): Grant {
  return { ...grantOf(bucket, termsOf(rate), observation), reason };
}

export function hasMoved({ faults, sweptPages }: Observation): boolean {
  return faults > 0 || sweptPages > 0;
}

function termsOf(rate: number): RateTerms {
  const whole = Math.max(1, toWhole(Math.min(rate, MAX_BUCKET_BYTES)));
  return { rate: whole, burst: Math.max(1, Math.floor(whole * BURST_SECONDS)) };
}

import type { Grant, Observation } from '../limiter.ts';
import { toWhole } from '../whole.ts';
import { fill, MAX_BUCKET_BYTES } from './bucket-level.ts';
import { elapse } from './elapsed.ts';
import {
  charge,
  grantOf,
  LOT_SECONDS,
  openBucket,
  pageSizeOf,
  type RateBucket,
  type RateTerms,
} from './rate-bucket.ts';

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
  /** The bucket has not overflowed, so it holds the sweep back. Otherwise something else does, and a higher rate would be a promise nobody has tested. */
  readonly isLimiting: boolean;
}

/**
 * What may be saved up, in time: more than twice the longest time between two steps (0.1 s in the driver of a snapshot), because what a grant
 * has paid for is charged only at the next one. So nothing is lost of a rate that is used.
 */
const BURST_SECONDS = 0.25;

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
  const capacity = Math.max(terms.burst, pageSizeOf(observation));
  const filled = fill(paced.bucket, terms.rate, capacity, observation.nowNs);
  const bucket = charge(paced.bucket, filled, capacity, observation);
  if (!hasMoved(observation)) return { bucket, rate: paced.rate, lastNs: paced.lastNs };
  const { elapsedNs, lastNs } = elapse(paced.lastNs, observation.nowNs);
  const isLimiting = filled.bytes < capacity;
  const rate = decide({ elapsedNs, isLimiting });
  // What a bucket has saved up while it did not limit would make a cut of the rate felt only when it is used up.
  const savedSeconds = rate < paced.rate && !isLimiting ? LOT_SECONDS : BURST_SECONDS;
  const most = Math.max(Math.floor(rate * savedSeconds), pageSizeOf(observation));
  return { bucket: { ...bucket, bytes: Math.min(bucket.bytes, most) }, rate, lastNs };
}

export function pacedGrant({ bucket, rate }: Paced, observation: Observation, reason: string): Grant {
  return grantOf(bucket, termsOf(rate), observation, reason);
}

function hasMoved({ faults, sweptPages }: Observation): boolean {
  return faults > 0 || sweptPages > 0;
}

function termsOf(rate: number): RateTerms {
  const whole = Math.max(1, toWhole(Math.min(rate, MAX_BUCKET_BYTES)));
  return { rate: whole, burst: Math.max(1, Math.floor(whole * BURST_SECONDS)) };
}

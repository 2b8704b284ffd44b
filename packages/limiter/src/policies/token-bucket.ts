import * as v from 'valibot';
import type { Grant, Limiter, Observation } from '../limiter.ts';
import { numberOption } from '../options.ts';
import { definePolicy } from '../policy.ts';
import { validateOptions } from '../validate.ts';
import { toWhole } from '../whole.ts';
import { type BucketLevel, fill, fullEnoughNs, MAX_BUCKET_BYTES } from './bucket-level.ts';

/** The bucket at `lastNs`, and the swept pages that were held then; null before the first observation. */
export interface TokenBucketState extends BucketLevel {
  readonly heldPages: number | null;
}

/** Slower than one small page a second is a stop. */
const MIN_RATE = 4096;

/** Tokens are handed out in lots worth this much time, so that a fast bucket is not asked for every page. */
const LOTS_PER_SECOND = 200;

const options = v.strictObject({
  rate: numberOption({
    kind: 'rate',
    description: 'what the sweep may capture per second in the long run; faults are not counted',
    min: MIN_RATE,
    max: MAX_BUCKET_BYTES,
  }),
  burst: v.optional(
    numberOption({
      kind: 'bytes',
      description: 'what it may capture at once after a pause; at least one page is always allowed',
      min: 1,
      max: MAX_BUCKET_BYTES,
    }),
    '4MiB',
  ),
});

/** Options of `token-bucket`, as a caller writes them: numbers, or text with units. */
export type TokenBucketOptions = v.InferInput<typeof options>;

export const tokenBucketPolicy = definePolicy({
  name: 'token-bucket',
  summary: 'a fixed rate for the sweep, with bursts',
  options,
  create: build,
});

/** @throws {LimiterConfigError} */
export function tokenBucket(input: TokenBucketOptions): Limiter<TokenBucketState> {
  return build(validateOptions(tokenBucketPolicy, input));
}

/**
 * In any window of time the sweep captures at most `rate × window + max(burst, one page)` bytes.
 *
 * Why: a page is paid when its capture is observed, and the bucket is filled (and overflows) before that. The true capture was earlier, so
 * the bucket here is never fuller than the true one, and a grant is never more than it holds. What overflows while a grant is out is lost;
 * nothing else is: the level is exact to 10⁻⁹ byte. A driver that sweeps past its grant runs into debt, at most a burst deep.
 */
function build({ rate, burst }: v.InferOutput<typeof options>): Limiter<TokenBucketState> {
  return {
    name: 'token-bucket',
    initial: (nowNs) => ({ bytes: burst, nanoBytes: 0, lastNs: toWhole(nowNs), heldPages: null }),
    // Debt and tokens stay, the next step cuts them to the new capacity.
    adopt: (state) => state,
    step(state, observation) {
      const pageSize = Math.max(1, toWhole(observation.pageSize));
      const capacity = Math.max(burst, pageSize);
      const filled = fill(state, rate, capacity, observation.nowNs);
      const paid = filled.bytes - capturedPages(state, observation) * pageSize;
      const level = {
        bytes: Math.max(-capacity, paid),
        nanoBytes: filled.nanoBytes,
        lastNs: filled.lastNs,
        heldPages: heldPages(observation),
      };

      const most = Math.floor(capacity / pageSize);
      const lot = Math.min(most, Math.max(1, Math.floor(rate / LOTS_PER_SECOND / pageSize)));
      return { state: level, grant: grantOf(level, { lot, rate, pageSize }, observation) };
    },
  };
}

/** By the sweep, since the last observation. The first one is the baseline: its pages were granted by somebody else. */
function capturedPages(state: TokenBucketState, observation: Observation): number {
  if (state.heldPages === null) return 0;
  return toWhole(toWhole(observation.sweptPages) + heldPages(observation) - state.heldPages);
}

function heldPages({ sweptPagesHeld = 0 }: Observation): number {
  return toWhole(sweptPagesHeld);
}

interface Terms {
  readonly lot: number;
  readonly rate: number;
  readonly pageSize: number;
}

/** All that the level pays for, if that is at least a lot; else one lot, at the time when it will be paid for. */
function grantOf(level: BucketLevel, { lot, rate, pageSize }: Terms, observation: Observation): Grant {
  const pagesLeft = toWhole(observation.pagesLeft);
  const wanted = Math.min(lot, pagesLeft);
  const affordable = Math.max(0, Math.floor(level.bytes / pageSize));
  if (affordable >= wanted) {
    const pages = Math.min(affordable, pagesLeft);
    return { pages, notBeforeNs: toWhole(observation.nowNs), wakeOnFault: false, reason: 'tokens' };
  }
  const notBeforeNs = toWhole(fullEnoughNs(level, rate, wanted * pageSize));
  return { pages: wanted, notBeforeNs, wakeOnFault: false, reason: 'waiting for tokens' };
}

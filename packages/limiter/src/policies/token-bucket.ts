import * as v from 'valibot';
import type { Limiter } from '../limiter.ts';
import { numberOption } from '../options.ts';
import { definePolicy } from '../policy.ts';
import { validateOptions } from '../validate.ts';
import { MAX_BUCKET_BYTES } from './bucket-level.ts';
import { grantOf, MIN_RATE, openBucket, type RateBucket, refill } from './rate-bucket.ts';

/** The bucket, which is all that a token bucket remembers. */
export type TokenBucketState = RateBucket;

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
 * the bucket here is never fuller than the true one, and a grant is never more than it holds. The level is exact to 10⁻⁹ byte.
 */
function build(terms: v.InferOutput<typeof options>): Limiter<TokenBucketState> {
  return {
    name: 'token-bucket',
    initial: (nowNs) => openBucket(nowNs, terms.burst),
    // Tokens and debt stay; the next step cuts them to the new capacity.
    adopt: (before) => before,
    step(before, observation) {
      const state = refill(before, terms, observation);
      return { state, grant: grantOf(state, terms, observation) };
    },
  };
}

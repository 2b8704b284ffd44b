import * as v from 'valibot';
import { numberOption } from '../options.ts';
import { MAX_BUCKET_BYTES } from './bucket-level.ts';
import { MIN_RATE } from './rate-bucket.ts';

const MAX_MS = 60_000;

/** Bytes per second for all that is read of a wait: rates below and above are those of no device. */
const rate = (description: string) =>
  numberOption({ kind: 'rate', description, min: MIN_RATE, max: MAX_BUCKET_BYTES });

/** What a policy that follows the waits of faults needs to know, whatever its rule. */
export const waitOptions = {
  targetMs: v.optional(
    numberOption({
      kind: 'duration',
      description: 'the 99th percentile of fault waits should stay below this',
      min: 0.001,
      max: MAX_MS,
    }),
    1,
  ),
  intervalMs: v.optional(
    numberOption({
      kind: 'duration',
      description: 'time that a change is given to show before the next one',
      min: 1,
      max: MAX_MS,
    }),
    50,
  ),
  minRate: v.optional(rate('the sweep is never slower than this per second'), '4MiB/s'),
  maxRate: v.optional(rate('nor faster; the rate at the start'), '64GiB/s'),
};

export const aimdOptions = v.strictObject({
  ...waitOptions,
  increase: v.optional(
    rate('what the rate gains in each second in which waits are short and it is used up'),
    '1GiB/s',
  ),
  decrease: v.optional(
    numberOption({
      kind: 'ratio',
      description: 'share of the rate that is kept when waits are long',
      min: 0.01,
      max: 0.99,
    }),
    0.5,
  ),
  keep: v.optional(
    numberOption({
      kind: 'ratio',
      description:
        'share of what the sink can take below which the rate is not cut; it bounds what the policy costs in time',
      min: 0,
      max: 1,
    }),
    0,
  ),
});

import * as v from 'valibot';
import { numberOption } from '../options.ts';
import { MAX_BUCKET_BYTES } from './bucket-level.ts';
import { MIN_RATE } from './rate-bucket.ts';

const MAX_MS = 60_000;

/** A rate that a policy may choose. */
export const rateOption = (description: string) =>
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
  minRate: v.optional(rateOption('the sweep is never slower than this per second'), '4MiB/s'),
  maxRate: v.optional(rateOption('nor faster; the rate at the start'), '64GiB/s'),
};

import * as v from 'valibot';
import { numberOption } from '../options.ts';
import { rateOption, waitOptions } from './wait-options.ts';

export const aimdOptions = v.strictObject({
  ...waitOptions,
  increase: v.optional(
    rateOption('what the rate gains in each second in which waits are short and it is used up'),
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

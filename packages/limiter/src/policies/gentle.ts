import * as v from 'valibot';
import type { Limiter } from '../limiter.ts';
import { definePolicy } from '../policy.ts';
import { aimd } from './aimd.ts';
import { minimum, type MinimumState } from './minimum.ts';
import { reserve } from './reserve.ts';

/**
 * An insurance for a guest nobody has measured. `reserve`, because a full store is what makes writers wait for the sink; and an `aimd` that may
 * not cost more than a tenth of the time, because a sweep at full speed interrupts the cores that the guest runs on.
 */
export function gentle(): Limiter<MinimumState> {
  return minimum([reserve({ share: '7/8' }), aimd({ targetMs: 1, keep: 0.9 })], 'gentle');
}

export const gentlePolicy = definePolicy({
  name: 'gentle',
  summary: 'reserve, and an aimd that costs at most a tenth of the time',
  options: v.strictObject({}),
  create: gentle,
});

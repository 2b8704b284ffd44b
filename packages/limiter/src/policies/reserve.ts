import * as v from 'valibot';
import type { Grant, Limiter, Observation } from '../limiter.ts';
import { numberOption } from '../options.ts';
import { definePolicy } from '../policy.ts';
import { validateOptions } from '../validate.ts';
import { toWhole } from '../whole.ts';
import { pageSizeOf } from './rate-bucket.ts';

const options = v.strictObject({
  share: v.optional(
    numberOption({
      kind: 'ratio',
      description: 'share of the pre-image store that the sweep leaves to faults',
      min: 0,
      max: 1,
    }),
    '7/8',
  ),
});

/** Options of `reserve`, as a caller writes them. */
export type ReserveOptions = v.InferInput<typeof options>;

export const reservePolicy = definePolicy({
  name: 'reserve',
  summary:
    'keeps a share of the pre-image store free for faults, so that no writer waits for room because of the sweep',
  options,
  create: build,
});

/** @throws {LimiterConfigError} */
export function reserve(input: ReserveOptions = {}): Limiter<null> {
  return build(validateOptions(reservePolicy, input));
}

/**
 * The sweep may fill the store up to `1 − share` of it, and what faults hold counts: it goes on when the sink has drained them below that.
 *
 * Why faults keep their share: a grant is what is free below the mark at the time of the observation, so swept pages alone are never above
 * it, except for what is captured between the observation and the grant (microseconds). A page always fits an empty store.
 * The sink starves no sooner than the store is empty, so it costs no time as long as the mark is more than the sink takes
 * between two steps. Without a store (inline mode) there is nothing to keep free. It has nothing to remember.
 */
function build({ share }: v.InferOutput<typeof options>): Limiter<null> {
  return {
    name: 'reserve',
    initial: () => null,
    step: (_state, observation) => ({ state: null, grant: grantOf(1 - share, observation) }),
  };
}

function grantOf(sweepShare: number, observation: Observation): Grant {
  const pagesLeft = toWhole(observation.pagesLeft);
  const maxBytes = toWhole(observation.preImages.maxBytes);
  const heldBytes = toWhole(observation.preImages.bytes);
  const free = Math.max(0, Math.floor((maxBytes * sweepShare - heldBytes) / pageSizeOf(observation)));
  const least = heldBytes === 0 ? 1 : 0;
  const pages = maxBytes === 0 ? pagesLeft : Math.min(pagesLeft, Math.max(free, least));
  return {
    pages,
    notBeforeNs: toWhole(observation.nowNs),
    wakeOnFault: false,
    reason: pages === 0 ? 'store kept for faults' : 'store has room',
  };
}

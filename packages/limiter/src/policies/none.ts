import * as v from 'valibot';
import type { Limiter } from '../limiter.ts';
import { definePolicy } from '../policy.ts';
import { toWhole } from '../whole.ts';

/** No limit: everything that is left, at once. It has nothing to remember. */
export function none(): Limiter<null> {
  return {
    name: 'none',
    initial: () => null,
    step: (_state, observation) => ({
      state: null,
      grant: {
        pages: toWhole(observation.pagesLeft),
        notBeforeNs: toWhole(observation.nowNs),
        wakeOnFault: false,
        reason: 'no limit',
      },
    }),
  };
}

export const nonePolicy = definePolicy({
  name: 'none',
  summary: 'no limit: the sweep goes as fast as the sink takes it',
  options: v.strictObject({}),
  create: none,
});

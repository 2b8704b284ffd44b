import { grantFault } from '../grant.ts';
import type { Limiter, Observation, Step } from '../limiter.ts';
import { plainFault } from '../plain.ts';
import { demand, show } from './failure.ts';

/** A limiter that throws as soon as a step of `limiter` cannot be acted on, logged or replayed. */
export function checked<State>(limiter: Limiter<State>): Limiter<State> {
  return {
    name: limiter.name,
    initial(nowNs) {
      const state = limiter.initial(nowNs);
      demandPlain(state, 'initial state');
      return state;
    },
    step(state, observation) {
      const step = limiter.step(state, observation);
      demandWellFormed(step, observation);
      return step;
    },
  };
}

function demandWellFormed(step: Step<unknown>, observation: Observation): void {
  const fault = grantFault(step.grant, observation);
  demand(fault === undefined, () => `grant: ${fault}; the observation was ${show(observation)}`);
  demandPlain(step.state, 'state');
}

function demandPlain(value: unknown, path: string): void {
  const fault = plainFault(value, path);
  demand(fault === undefined, () => String(fault));
}

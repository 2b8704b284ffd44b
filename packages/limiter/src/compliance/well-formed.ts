import { grantFault } from '../grant.ts';
import type { Limiter, Observation, Step } from '../limiter.ts';
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

export function demandWellFormed(step: Step<unknown>, observation: Observation): void {
  const fault = grantFault(step.grant, observation);
  demand(fault === undefined, () => `grant: ${fault}; the observation was ${show(observation)}`);
  demandPlain(step.state, 'state');
}

/** Plain data that JSON gives back as it was: no NaN, no infinity, no undefined, no classes. */
function demandPlain(value: unknown, path: string): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return;
  if (typeof value === 'number') {
    demand(Number.isFinite(value), () => `${path} is ${value}`);
    return;
  }
  demand(typeof value === 'object', () => `${path} is a value of type ${typeof value}`);
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  demand(plain, () => `${path} is an object with a class`);
  for (const [key, item] of Object.entries(value)) demandPlain(item, `${path}.${key}`);
}

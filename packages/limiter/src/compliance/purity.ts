import type { Limiter, Observation } from '../limiter.ts';
import { type BufferedRun, driveBuffered } from './buffered-driver.ts';
import { demand } from './failure.ts';
import { variedObservations } from './observation.ts';
import { SCENARIOS } from './scenarios.ts';
import { checked } from './well-formed.ts';

/** Frozen inputs are enough, and the same inputs give the same step, in any order and on any instance. */
export function checkPure(make: () => Limiter): void {
  const limiter = make();
  for (const scenario of SCENARIOS) {
    const records: { state: unknown; observation: Observation; step: string }[] = [];
    driveBuffered(checked(frozen(limiter)), scenario, {
      onStep: (state, observation, step) => records.push({ state, observation, step: JSON.stringify(step) }),
    });
    for (const other of [limiter, make()]) {
      for (const { state, observation, step } of records.toReversed()) {
        const again = JSON.stringify(other.step(state, observation));
        demand(again === step, () => `${scenario.name}: the same step gave ${step}, then ${again}`);
      }
    }
  }
}

/** A state that was written to a log and read back behaves like the original. */
export function checkJsonRoundTrip(make: () => Limiter): void {
  for (const scenario of SCENARIOS) {
    const original = checked(make());
    const run = driveBuffered(original, scenario);
    const reread = driveBuffered({ ...original, step: (s, o) => original.step(throughJson(s), o) }, scenario);
    demand(sameRun(run, reread), () => `${scenario.name}: a state read back from JSON behaves differently`);
  }
}

/** Adopting a state of a limiter with the same options changes nothing; one that adopts nothing begins anew, and need not be looked at. */
export function checkAdopts(make: () => Limiter): void {
  for (const scenario of SCENARIOS) {
    driveBuffered(make(), scenario, {
      onStep: (_before, { nowNs }, { state }) => {
        const adopted = make().adopt?.(state, nowNs);
        if (adopted === undefined) return;
        const [was, is] = [JSON.stringify(state), JSON.stringify(adopted)];
        demand(was === is, () => `${scenario.name}: ${was} was adopted as ${is}`);
      },
    });
  }
}

/** Longest state as JSON. A window of samples fits; a history does not. */
const MAX_STATE_CHARS = 16_384;
const STATE_STEPS = 100_000;
const STEPS_BETWEEN_LOOKS = 1000;

/** The state does not grow with the length of the capture. */
export function checkBoundedState(make: () => Limiter): void {
  const limiter = make();
  let state = limiter.initial(0);
  let steps = 0;
  for (const observation of variedObservations(STATE_STEPS)) {
    ({ state } = limiter.step(state, observation));
    if (++steps % STEPS_BETWEEN_LOOKS !== 0) continue;
    const size = JSON.stringify(state).length;
    demand(size <= MAX_STATE_CHARS, () => `after ${steps} steps the state takes ${size} characters`);
  }
}

function frozen(limiter: Limiter): Limiter {
  return {
    name: limiter.name,
    initial: (nowNs) => limiter.initial(nowNs),
    step: (state, observation) => limiter.step(deepFreeze(state), deepFreeze(observation)),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const item of Object.values(value)) deepFreeze(item);
  return Object.freeze(value);
}

function throughJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function sameRun(a: BufferedRun, b: BufferedRun): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

import type { Limiter, Observation } from '../limiter.ts';
import { driveBuffered } from './buffered-driver.ts';
import { demand, show } from './failure.ts';
import { hostileObservations, quietObservation, withNumbers } from './observation.ts';
import type { Scenario } from './scenarios.ts';
import { checked } from './well-formed.ts';

const EXTREMES = [
  0,
  -1,
  0.5,
  Number.MIN_VALUE,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_VALUE,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
];

/** The capture that goes on: short, because there are hundreds of them. */
const AFTERWARDS: Scenario = {
  name: 'after an extreme observation',
  pageCount: 64,
  pageSize: 4096,
  storePages: 64,
  sink: { bytesPerSecond: 1e9 },
  faultEveryNs: 1e7,
  faultCount: 8,
};

/** Whatever number an observation carries, the step is well-formed, and the capture can go on from its state. */
export function checkExtremes(make: () => Limiter): void {
  const limiter = checked(make());
  for (const observation of extremeObservations()) {
    for (const start of [limiter.initial(observation.nowNs), warmState(limiter)]) {
      const step = limiter.step(start, observation);
      const { finished } = driveBuffered(limiter, AFTERWARDS, { state: step.state });
      demand(finished, () => `starved by the observation ${show(observation)}`);
    }
  }
}

const HOSTILE_SEEDS = [1, 2, 3, 5, 8, 13, 21, 34];
const HOSTILE_STEPS = 500;

/** A driver that has lost its mind for a while: whatever state that leaves, the capture can go on from it. */
export function checkHostileRuns(make: () => Limiter): void {
  const limiter = checked(make());
  for (const seed of HOSTILE_SEEDS) {
    let state = limiter.initial(1e12);
    for (const observation of hostileObservations(HOSTILE_STEPS, seed, EXTREMES)) {
      ({ state } = limiter.step(state, observation));
    }
    const { finished } = driveBuffered(limiter, AFTERWARDS, { state });
    demand(finished, () => `starved by hostile observations, in the state ${show(state)}`);
  }
}

function warmState(limiter: Limiter): unknown {
  const { state } = limiter.step(limiter.initial(1e12), quietObservation({ nowNs: 1e12 }));
  return limiter.step(state, quietObservation({ nowNs: 1e12 + 1e6, sweptPages: 1 })).state;
}

/** Each number alone at each extreme, then all of them together. */
function* extremeObservations(): Generator<Observation> {
  const sojourn = { minNs: 1e6, maxNs: 2e6, oldestNs: 1e6 };
  const base = quietObservation({
    faults: 1,
    lastFaultReadNs: 1e12 - 1e6,
    sweptPages: 1,
    preImages: { bytes: 2 ** 20, maxBytes: 2 ** 28, sojourn },
    guestWritePagesPerSecond: 1000,
    deadlineNs: 2e12,
  });
  for (const extreme of EXTREMES) {
    for (let only = 0; only < countNumbers(base); only++) {
      yield withNumbers(base, (value, index) => (index === only ? extreme : value));
    }
    yield withNumbers(base, () => extreme);
  }
}

function countNumbers(base: Observation): number {
  let count = 0;
  withNumbers(base, (value) => {
    count += 1;
    return value;
  });
  return count;
}

import type { Grant, Limiter, Observation } from '../limiter.ts';
import { driveBuffered } from './buffered-driver.ts';
import { ODD_CLOCKS } from './clocks.ts';
import { demand, show } from './failure.ts';
import { idleAfter } from './observation.ts';
import { SCENARIOS } from './scenarios.ts';
import { checked } from './well-formed.ts';

/** Steps after which time is let pass; spread over a run, they see every phase of it. */
const STEPS_BETWEEN_LOOKS = 7;
const REPEATS = 10;
const DELAYS_NS = [0, 1, 1000, 1e6, 1e8, 1e10];

/** While nothing happens but time, the sweep is allowed no less, and no wait is prolonged. */
export function checkMonotone(make: () => Limiter): void {
  forSomeSteps(make(), (limiter, state, observation, name) => {
    let before: Grant | undefined;
    for (const delayNs of DELAYS_NS) {
      const idle = idleAfter(observation, delayNs);
      const { grant } = limiter.step(state, idle);
      const allowed = allowedAt(grant, idle.nowNs);
      const due = before === undefined ? 0 : allowedAt(before, idle.nowNs);
      const text = (): string => `${name}: after ${delayNs} ns more ${show(before)} became `;
      demand(allowed >= due, () => text() + show(grant));
      const latestNs = Math.max(before?.notBeforeNs ?? grant.notBeforeNs, idle.nowNs);
      demand(grant.notBeforeNs <= latestNs, () => text() + show(grant));
      before = grant;
    }
  });
}

/** Asking again at the same instant changes nothing, however often. */
export function checkZeroIntervals(make: () => Limiter): void {
  forSomeSteps(make(), (limiter, state, observation, name, grant) => {
    let current = state;
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const again = limiter.step(current, idleAfter(observation, 0));
      demand(
        again.grant.pages === grant.pages && again.grant.notBeforeNs === grant.notBeforeNs,
        () => `${name}: asked again at the same instant, ${show(grant)} became ${show(again.grant)}`,
      );
      current = again.state;
    }
  });
}

/** A clock that steps, slips or stands still can neither stop the sweep nor break a grant. */
export function checkOddClocks(make: () => Limiter): void {
  for (const [clockName, clock] of Object.entries(ODD_CLOCKS)) {
    for (const scenario of SCENARIOS) {
      const { finished } = driveBuffered(checked(make()), { ...scenario, clock });
      demand(finished, () => `${scenario.name}, a clock that ${clockName}: not finished`);
    }
  }
}

type Look = (limiter: Limiter, state: unknown, observation: Observation, name: string, grant: Grant) => void;

function forSomeSteps(limiter: Limiter, look: Look): void {
  for (const scenario of SCENARIOS) {
    let steps = 0;
    driveBuffered(limiter, scenario, {
      onStep: (_before, observation, { state, grant }) => {
        if (steps++ % STEPS_BETWEEN_LOOKS === 0) look(limiter, state, observation, scenario.name, grant);
      },
    });
  }
}

function allowedAt({ pages, notBeforeNs }: Grant, nowNs: number): number {
  return nowNs >= notBeforeNs ? pages : 0;
}

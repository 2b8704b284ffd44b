import type { Limiter } from '../limiter.ts';
import { driveBuffered } from './buffered-driver.ts';
import { demand } from './failure.ts';
import { driveInline, type InlineScript } from './inline-driver.ts';
import { bareObservation } from './observation.ts';
import { SCENARIOS } from './scenarios.ts';
import { checked } from './well-formed.ts';

/** Whatever the sink and the guest do, while the sink makes progress the sweep finishes. */
export function checkNeverStarves(make: () => Limiter): void {
  for (const scenario of SCENARIOS) {
    const { finished, endNs } = driveBuffered(checked(make()), scenario);
    demand(finished, () => `${scenario.name}: not finished at ${endNs} ns`);
    const bare = driveBuffered(checked(blinded(make())), scenario);
    demand(
      bare.finished,
      () => `${scenario.name}, without the optional numbers: not finished at ${bare.endNs} ns`,
    );
  }
}

/** Sees no more than a driver must tell. */
function blinded(limiter: Limiter): Limiter {
  return {
    name: limiter.name,
    initial: (nowNs) => limiter.initial(nowNs),
    step: (state, observation) => limiter.step(state, bareObservation(observation)),
  };
}

const inline = { pageCount: 2000, pageSize: 4096, startNs: 1e12 };
const INLINE_SCRIPTS: Readonly<Record<string, InlineScript>> = {
  'a quiet guest': { ...inline, saveNs: () => 10_000, writes: [] },
  'every page written at once, each slow to save': {
    ...inline,
    saveNs: () => 6e6,
    writes: Array.from({ length: 1000 }, (_, index) => ({ atNs: 1e12 + 1, page: index * 2 })),
  },
  'a slow fault every 20 ms': {
    ...inline,
    saveNs: (nth) => (nth % 100 === 0 ? 50e6 : 10_000),
    writes: Array.from({ length: 500 }, (_, index) => ({ atNs: 1e12 + index * 20e6, page: 1999 - index })),
  },
};

/** The same in inline mode, where a step follows every page. */
export function checkInlineFinishes(make: () => Limiter): void {
  for (const [name, script] of Object.entries(INLINE_SCRIPTS)) {
    const out = driveInline(checked(make()), script).length;
    demand(out === script.pageCount, () => `${name}: only ${out} of ${script.pageCount} pages went out`);
  }
}

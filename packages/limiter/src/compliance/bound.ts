import type { Limiter } from '../limiter.ts';
import { driveBuffered, START_NS, type Sweep } from './buffered-driver.ts';
import { demand } from './failure.ts';
import { SCENARIOS } from './scenarios.ts';
import { SLIP_NS, slippingClock } from './clocks.ts';

/** A limiter's promise that in any window the sweep captures at most `bytesPerSecond × window + max(burstBytes, one page)`. */
export interface Bound {
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  /** The sweep also gets all of that, if it asks: no fraction is lost. */
  readonly exact?: boolean;
}

/** Rounding in the check's own arithmetic. */
const SLACK_BYTES = 1;

/** Holds in every window, in true time, also when the observed clock slips a little. */
export function checkBound(make: () => Limiter, { bytesPerSecond, burstBytes }: Bound): void {
  for (const scenario of SCENARIOS) {
    const burst = Math.max(burstBytes, scenario.pageSize);
    const honest = driveBuffered(make(), scenario);
    demandWithin(honest.sweeps, scenario.pageSize, bytesPerSecond, burst, scenario.name);
    const slipping = driveBuffered(make(), { ...scenario, clock: slippingClock });
    const slippedBytes = (bytesPerSecond * 2 * SLIP_NS) / 1e9;
    demandWithin(
      slipping.sweeps,
      scenario.pageSize,
      bytesPerSecond,
      burst + slippedBytes,
      `${scenario.name}, slipping clock`,
    );
  }
}

/** One bucket filled in true time answers for all windows at once: it runs dry exactly when some window has too much. */
function demandWithin(
  sweeps: readonly Sweep[],
  pageSize: number,
  bytesPerSecond: number,
  burst: number,
  name: string,
): void {
  let level = burst;
  let lastNs = START_NS;
  for (const { atNs, pages } of sweeps) {
    level = Math.min(burst, level + ((atNs - lastNs) * bytesPerSecond) / 1e9) - pages * pageSize;
    lastNs = atNs;
    demand(
      level >= -SLACK_BYTES,
      () => `${name}: ${-level} bytes too many in a window that ends at ${atNs} ns`,
    );
  }
}

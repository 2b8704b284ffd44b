import { START_NS } from './buffered-driver.ts';

/** How far a slipping clock is off, to either side: observations taken out of order by two threads. */
export const SLIP_NS = 500_000;

/** Alternately early and late, so that every other observation seems to go back in time. */
export function slippingClock(trueNs: number): number {
  return trueNs + (Math.floor(trueNs / SLIP_NS) % 2 === 0 ? SLIP_NS : -SLIP_NS);
}

const after = (trueNs: number, delayNs: number): boolean => trueNs >= START_NS + delayNs;

/** Clocks that no policy should be stopped by. Each passes at the true rate in the end. */
export const ODD_CLOCKS: Readonly<Record<string, (trueNs: number) => number>> = {
  'slips to and fro': slippingClock,
  'steps back by 10 s': (ns) => (after(ns, 3e6) ? ns - 10e9 : ns),
  'steps back by 10 s and on again': (ns) => (Math.floor(ns / 7e6) % 2 === 0 ? ns : ns - 10e9),
  'steps back by less than a second': (ns) => (after(ns, 3e6) ? ns - 0.9e9 : ns),
  'steps forward by an hour': (ns) => (after(ns, 3e6) ? ns + 3600e9 : ns),
  'shows tomorrow for a while': (ns) => (after(ns, 3e6) && !after(ns, 300e6) ? ns + 86_400e9 : ns),
  'restarts at zero': (ns) => (after(ns, 3e6) ? ns - START_NS - 3e6 : ns),
  'stands still for 50 ms': (ns) => (after(ns, 1e6) ? Math.max(START_NS + 1e6, ns - 50e6) : ns),
  'ticks in 10 ms': (ns) => Math.floor(ns / 10e6) * 10e6,
};

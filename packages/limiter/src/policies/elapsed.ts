import { toWhole } from '../whole.ts';

/** Observations may be taken a little out of order; a step back of more than this is a new clock. */
const CLOCK_SLIP_NS = 1_000_000_000;

/**
 * Time that has passed since `lastNs`, and the new `lastNs`. A small step back waits for the clock to catch up, because
 * counting that time again would give it twice; after a large one, time starts anew.
 */
export function elapse(lastNs: number, observedNs: number): { elapsedNs: number; lastNs: number } {
  const nowNs = Number.isNaN(observedNs) ? lastNs : toWhole(observedNs);
  if (nowNs >= lastNs) return { elapsedNs: nowNs - lastNs, lastNs: nowNs };
  return { elapsedNs: 0, lastNs: lastNs - nowNs <= CLOCK_SLIP_NS ? lastNs : nowNs };
}

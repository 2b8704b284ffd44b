import * as v from 'valibot';
import type { Grant, Limiter, Observation } from '../limiter.ts';
import { numberOption } from '../options.ts';
import { definePolicy } from '../policy.ts';
import { validateOptions } from '../validate.ts';
import { toWhole } from '../whole.ts';

/** What is left of the throttle, and the wait that the last step ordered; null at full speed. */
export interface LinearScanState {
  readonly waitsLeft: number;
  readonly waitUntilNs: number | null;
}

/** A longer wait would be a stop; the throttle is meant to slow the sweep down. */
const MAX_WAIT_MS = 60_000;
const MAX_SLOW_FAULT_MS = 3_600_000;
const MAX_WAITS = 1_000_000;

const options = v.strictObject({
  slowFaultMs: v.optional(
    numberOption({
      kind: 'duration',
      description: 'a fault that took longer than this starts the throttle',
      min: 0,
      max: MAX_SLOW_FAULT_MS,
    }),
    5,
  ),
  waitMs: v.optional(
    numberOption({
      kind: 'duration',
      description: 'longest wait before each page of the sweep while throttled; a fault ends it early',
      min: 0,
      max: MAX_WAIT_MS,
    }),
    5,
  ),
  waits: v.optional(
    numberOption({
      kind: 'count',
      description: 'waits after a slow fault, until full speed again',
      min: 0,
      max: MAX_WAITS,
    }),
    200,
  ),
});

/** Options of `linear-scan`, as a caller writes them: numbers, or text with units. */
export type LinearScanOptions = v.InferInput<typeof options>;

export const linearScanPolicy = definePolicy({
  name: 'linear-scan',
  summary: "QEMU's write-tracking limiter of 2020: after a slow fault, short waits before each page",
  options,
  create: build,
});

/** @throws {LimiterConfigError} */
export function linearScan(input: LinearScanOptions = {}): Limiter<LinearScanState> {
  return build(validateOptions(linearScanPolicy, input));
}

/**
 * The state machine of the seed, one pass for each page that went out: a fault whose page took strictly more than `slowFaultMs`
 * from the read of its event *sets* the number of waits; while there are any, this pass and each later one spends one and lets at most one
 * page of the sweep go, after `waitMs`. A fault ends a wait early, because the pass after the fault's own page orders the next.
 *
 * It is exact where the driver steps after every page. Where pages go out in batches, a batch is one pass, and the
 * latency is that of its newest fault until the sink has its page, as in the seed; hence `wakeOnFault` even at full speed.
 */
function build({ slowFaultMs, waitMs, waits }: v.InferOutput<typeof options>): Limiter<LinearScanState> {
  const slowFaultNs = Math.round(slowFaultMs * 1e6);
  const waitNs = Math.round(waitMs * 1e6);
  return {
    name: 'linear-scan',
    initial: () => ({ waitsLeft: 0, waitUntilNs: null }),
    adopt: (state) => ({
      waitsLeft: Math.min(state.waitsLeft, waits),
      waitUntilNs: waits === 0 ? null : state.waitUntilNs,
    }),
    step(state, observation) {
      const nowNs = toWhole(observation.nowNs);
      // No page went out: the seed would still be in its poll. Spending or waiting again here would starve the sweep.
      if (!(observation.faults > 0 || observation.sweptPages > 0)) {
        const waiting = { ...state, waitUntilNs: atMost(state.waitUntilNs, nowNs + waitNs) };
        return { state: waiting, grant: grantOf(waiting, observation, nowNs) };
      }
      const slow = latencyNs(observation, nowNs) > slowFaultNs;
      const before = slow ? waits : Math.min(state.waitsLeft, waits);
      const next =
        before > 0
          ? { waitsLeft: before - 1, waitUntilNs: toWhole(nowNs + waitNs) }
          : { waitsLeft: 0, waitUntilNs: null };
      return { state: next, grant: grantOf(next, observation, nowNs) };
    },
  };
}

/** Measured once for each fault: an observation without new faults has none. */
function latencyNs({ faults, lastFaultReadNs }: Observation, nowNs: number): number {
  return faults > 0 && lastFaultReadNs > 0 ? nowNs - lastFaultReadNs : 0;
}

/** Never more than one wait from now, so that a clock which steps back cannot stop the sweep. */
function atMost(waitUntilNs: number | null, latestNs: number): number | null {
  return waitUntilNs === null ? null : Math.min(waitUntilNs, toWhole(latestNs));
}

function grantOf({ waitUntilNs }: LinearScanState, observation: Observation, nowNs: number): Grant {
  const pagesLeft = toWhole(observation.pagesLeft);
  if (waitUntilNs === null) {
    return { pages: pagesLeft, notBeforeNs: nowNs, wakeOnFault: true, reason: 'full speed' };
  }
  return { pages: Math.min(1, pagesLeft), notBeforeNs: waitUntilNs, wakeOnFault: true, reason: 'throttled' };
}

import * as v from 'valibot';
import type { Limiter, Observation } from '../limiter.ts';
import { numberOption } from '../options.ts';
import { definePolicy } from '../policy.ts';
import { validateOptions } from '../validate.ts';
import { toWhole } from '../whole.ts';
import { waitOptions } from './wait-options.ts';
import { openPaced, pace, type Paced, pacedGrant } from './paced.ts';
import { clamp, type ControlState, control, openControl } from './pid-control.ts';

/** The pace, the controller, and what has been measured since it decided last. */
export interface PidState extends Paced {
  readonly control: ControlState;
  readonly worstNs: number;
  readonly ageNs: number;
}

/** More is no control. */
const MAX_GAIN = 1000;

const gain = (description: string) => numberOption({ kind: 'number', description, min: 0, max: MAX_GAIN });

const options = v.strictObject({
  ...waitOptions,
  kp: v.optional(gain('doublings of the rate for each doubling that waits are below the target'), 0.5),
  ki: v.optional(gain('doublings a second for each doubling that waits stay below it'), 2),
  kd: v.optional(gain('doublings for each doubling a second by which waits are falling'), 0.005),
});

/** Options of `pid`, as a caller writes them. */
export type PidOptions = v.InferInput<typeof options>;

export const pidPolicy = definePolicy({
  name: 'pid',
  summary: 'a PID controller, with anti-windup, that holds fault waits at a target',
  options,
  create: build,
});

/** @throws {LimiterConfigError} */
export function pid(input: PidOptions = {}): Limiter<PidState> {
  return build(validateOptions(pidPolicy, input));
}

/** Time that has passed counts up to this much: after a gap one sample says little. */
const MAX_GAP_NS = 1e9;

/** Once an interval, the longest 99th percentile seen in it is compared with the target, on a scale of doublings. No fault is no wait. */
function build({
  targetMs,
  intervalMs,
  minRate,
  maxRate,
  ...gains
}: v.InferOutput<typeof options>): Limiter<PidState> {
  const range = { low: Math.log2(minRate), high: Math.log2(Math.max(minRate, maxRate)) };
  return {
    name: 'pid',
    initial: (nowNs) => ({
      ...openPaced(nowNs, 2 ** range.high),
      control: openControl(range),
      worstNs: 0,
      ageNs: 0,
    }),
    adopt: (before) => ({
      ...before,
      rate: 2 ** clamp(Math.log2(before.rate), range),
      control: { ...before.control, integral: clamp(before.control.integral, range) },
    }),
    step(before, observation) {
      let { control: controller, worstNs, ageNs } = before;
      const { bucket, rate, lastNs } = pace(before, observation, ({ elapsedNs, isLimiting }) => {
        worstNs = Math.max(worstNs, waitOf(observation));
        ageNs = Math.min(MAX_GAP_NS, ageNs + elapsedNs);
        if (ageNs < intervalMs * 1e6) return before.rate;
        const sample = { doublingsBelow: doublingsBelow(worstNs, targetMs * 1e6), seconds: ageNs / 1e9 };
        const next = control(controller, sample, { ...gains, ...range, mayRise: isLimiting });
        controller = next.state;
        worstNs = 0;
        ageNs = 0;
        return 2 ** next.output;
      });
      const state = { bucket, rate, lastNs, control: controller, worstNs, ageNs };
      return { state, grant: pacedGrant(state, observation, reasonFor(controller)) };
    },
  };
}

function waitOf({ faults, faultWait }: Observation): number {
  return faults > 0 ? toWhole(faultWait.p99Ns) : 0;
}

/** One outlier, or silence, says no more than a factor of eight. */
const MAX_DOUBLINGS = 3;

function doublingsBelow(waitNs: number, targetNs: number): number {
  if (waitNs === 0) return MAX_DOUBLINGS;
  return Math.max(-MAX_DOUBLINGS, Math.min(MAX_DOUBLINGS, Math.log2(targetNs / waitNs)));
}

function reasonFor({ error }: ControlState): string {
  if (error === null || error >= 0) return 'waits at or below target';
  return 'waits above target';
}

import * as v from 'valibot';
import type { Limiter, Observation } from '../limiter.ts';
import { numberOption } from '../options.ts';
import { definePolicy } from '../policy.ts';
import { validateOptions } from '../validate.ts';
import { toWhole } from '../whole.ts';
import { MAX_BUCKET_BYTES } from './bucket-level.ts';
import { elapse } from './elapsed.ts';
import { openPaced, pace, type Paced, pacedGrant } from './paced.ts';
import { MIN_RATE, spend } from './rate-bucket.ts';

/** The pace, and the time since the start as of `clockNs`. */
export interface DeadlineState extends Paced {
  readonly clockNs: number;
  readonly elapsedNs: number;
}

const MAX_AFTER_MS = 30 * 24 * 3_600_000;

const options = v.strictObject({
  afterMs: v.optional(
    numberOption({
      kind: 'duration',
      description:
        'time from the start to the deadline; without it only a deadline that the driver knows counts',
      min: 1,
      max: MAX_AFTER_MS,
    }),
  ),
  margin: v.optional(
    numberOption({
      kind: 'ratio',
      description: 'share of that time that is kept in hand at the end',
      min: 0,
      max: 0.9,
    }),
    0.05,
  ),
});

/** Options of `deadline`, as a caller writes them. */
export type DeadlineOptions = v.InferInput<typeof options>;

export const deadlinePolicy = definePolicy({
  name: 'deadline',
  summary: 'finishes by a time with the least disturbance: the even rate that what is left needs',
  options,
  create: build,
});

/** @throws {LimiterConfigError} */
export function deadline(input: DeadlineOptions = {}): Limiter<DeadlineState> {
  return build(validateOptions(deadlinePolicy, input));
}

/**
 * Even is gentlest: any other way to the same end goes faster at some time. The rate is what is left over the time that is left, less the
 * margin and the time that the sink needs for what is in the store; it is taken anew whenever pages or faults have come. Pages that faults
 * capture lower it, a sink that has stalled raises it. When no time is left everything goes at once.
 */
function build({ afterMs, margin }: v.InferOutput<typeof options>): Limiter<DeadlineState> {
  const afterNs = afterMs === undefined ? Number.POSITIVE_INFINITY : Math.round(afterMs * 1e6);
  return {
    name: 'deadline',
    initial: (nowNs) => ({ ...openPaced(nowNs, MIN_RATE), clockNs: toWhole(nowNs), elapsedNs: 0 }),
    adopt: (before) => before,
    step(before, observation) {
      const { elapsedNs: passedNs, lastNs: clockNs } = elapse(before.clockNs, observation.nowNs);
      const elapsedNs = toWhole(before.elapsedNs + passedNs);
      const leftNs = timeLeftNs(afterNs - elapsedNs, observation);
      const marginNs = (elapsedNs + (leftNs ?? 0)) * margin;
      const usableNs = (leftNs ?? 0) - marginNs - emptyingNs(observation);
      const needed = neededRate(observation, usableNs);
      // The first observation sets the rate; before it there was none.
      const start = before.bucket.heldPages === null ? openPaced(clockNs, needed) : before;
      const { bucket, rate, lastNs } = pace(start, observation, () => needed);
      const state = { bucket, rate, lastNs, clockNs, elapsedNs };
      if (leftNs === undefined) return { state, grant: everything(observation, 'no deadline') };
      if (usableNs <= 0) return { state, grant: everything(observation, 'no time left') };
      return { state, grant: pacedGrant(state, observation, 'on time') };
    },
  };
}

/** To the nearer of the two deadlines; undefined when there is none. */
function timeLeftNs(untilAfterNs: number, { deadlineNs, nowNs }: Observation): number | undefined {
  const untilDeadlineNs =
    deadlineNs === undefined || Number.isNaN(deadlineNs)
      ? Number.POSITIVE_INFINITY
      : toWhole(deadlineNs) - toWhole(nowNs);
  const leftNs = Math.min(untilAfterNs, untilDeadlineNs);
  return leftNs === Number.POSITIVE_INFINITY ? undefined : toWhole(leftNs);
}

/** What the sink needs for what is captured already. */
function emptyingNs({ preImages, sink }: Observation): number {
  const drain = toWhole(sink.drainBytesPerSecond);
  return drain === 0 ? 0 : (toWhole(preImages.bytes) / drain) * 1e9;
}

function neededRate({ bytesLeft }: Observation, usableNs: number): number {
  if (usableNs <= 0) return MAX_BUCKET_BYTES;
  const rate = (toWhole(bytesLeft) * 1e9) / usableNs;
  return Math.min(MAX_BUCKET_BYTES, Math.max(MIN_RATE, Math.ceil(rate)));
}

function everything(observation: Observation, reason: string) {
  return spend(toWhole(observation.pagesLeft), observation, reason);
}

import * as v from 'valibot';
import type { Grant, Limiter, Observation } from '../limiter.ts';
import { numberOption } from '../options.ts';
import { phasesOption } from '../phases-option.ts';
import { definePolicy } from '../policy.ts';
import { validateOptions } from '../validate.ts';
import { toWhole } from '../whole.ts';
import { MAX_BUCKET_BYTES } from './bucket-level.ts';
import { elapse } from './elapsed.ts';
import { dueNs, fillThrough, phaseAt, timedLevel, type TimedRate } from './phases.ts';
import * as bucket from './rate-bucket.ts';

/** The bucket, and the time since the start. */
export interface ScheduleState extends bucket.RateBucket {
  readonly elapsedNs: number;
}

const MAX_PHASES = 64;
const MAX_AFTER_MS = 30 * 24 * 3_600_000;
const MAX_AFTER_NS = MAX_AFTER_MS * 1e6;

const options = v.strictObject({
  rates: phasesOption({
    description: 'rates by the time since the start',
    maxPhases: MAX_PHASES,
    minRate: bucket.MIN_RATE,
    maxRate: MAX_BUCKET_BYTES,
    maxAfterMs: MAX_AFTER_MS,
  }),
  burst: v.optional(
    numberOption({
      kind: 'bytes',
      description: 'what the sweep may capture at once after a pause; at least one page is always allowed',
      min: 1,
      max: MAX_BUCKET_BYTES,
    }),
    '4MiB',
  ),
});

/** Options of `schedule`, as a caller writes them. */
export type ScheduleOptions = v.InferInput<typeof options>;

export const schedulePolicy = definePolicy({
  name: 'schedule',
  summary: 'rates for the sweep by the time since the start, with pauses if wanted',
  options,
  create: build,
});

/** @throws {LimiterConfigError} */
export function schedule(input: ScheduleOptions): Limiter<ScheduleState> {
  return build(validateOptions(schedulePolicy, input));
}

/**
 * A token bucket that is filled at the rate of each phase, to the nanosecond; with the fastest rate in its window it keeps a token
 * bucket's bound. A phase without a limit ends when the driver asks next, and what was swept too much by then is paid for.
 */
function build({ rates, burst }: v.InferOutput<typeof options>): Limiter<ScheduleState> {
  const phases = rates.map(({ afterMs, rate }) => ({ fromNs: Math.round(afterMs * 1e6), rate }));
  const lot = slowest(phases);
  return {
    name: 'schedule',
    initial: (nowNs) => ({ ...bucket.openBucket(nowNs, burst), elapsedNs: 0 }),
    adopt: (before) => before,
    step(before, observation) {
      const pageSize = bucket.pageSizeOf(observation);
      const capacity = Math.max(burst, pageSize);
      const { elapsedNs: passedNs, lastNs } = elapse(before.lastNs, observation.nowNs);
      const untilNs = toWhole(before.elapsedNs + passedNs);
      const timed = timedLevel(before, before.elapsedNs, capacity);
      const { bytes, nanoBytes } = fillThrough(phases, timed, untilNs);
      // In the last phase from then on, and bounded, because it must be able to go on.
      const elapsedNs = Math.min(untilNs, MAX_AFTER_NS);
      const charged = bucket.charge(before, { bytes, nanoBytes, lastNs }, capacity, observation);
      const state = { bytes: charged.bytes, nanoBytes, lastNs, heldPages: charged.heldPages, elapsedNs };
      const pages = bucket.lotPages({ rate: lot, burst }, pageSize);
      return { state, grant: grantOf(phases, state, { capacity, pages }, observation) };
    },
  };
}

/** The same lot in every phase: a lot that grew with the rate would make waits longer at the change. */
function slowest(phases: readonly TimedRate[]): number {
  const rates = phases.map(({ rate }) => rate).filter((rate) => rate !== 'unlimited' && rate > 0);
  return Math.min(MAX_BUCKET_BYTES, ...rates.map(Number));
}

function grantOf(
  phases: readonly TimedRate[],
  state: ScheduleState,
  { capacity, pages }: { readonly capacity: number; readonly pages: number },
  observation: Observation,
): Grant {
  const pagesLeft = toWhole(observation.pagesLeft);
  const index = phaseAt(phases, state.elapsedNs);
  const reason = `phase ${index + 1} of ${phases.length}`;
  if (phases[index]?.rate === 'unlimited') return bucket.spend(pagesLeft, observation, reason);
  const wanted = Math.min(pages, pagesLeft);
  const affordable = bucket.affordablePages(state, wanted, observation);
  if (affordable !== undefined) return bucket.spend(affordable, observation, reason);
  const bytes = wanted * bucket.pageSizeOf(observation);
  return bucket.waitFor(wanted, dueNs(phases, timedLevel(state, state.elapsedNs, capacity), bytes), reason);
}

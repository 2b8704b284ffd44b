import { toWhole } from '../whole.ts';
import { type BucketLevel, fill, fullEnoughNs } from './bucket-level.ts';

/** A rate in bytes per second from a time since the start on; 0 is a pause. */
export interface TimedRate {
  readonly fromNs: number;
  readonly rate: number | 'unlimited';
}

/** A level as of `elapsedNs` since the start. */
export interface TimedLevel extends BucketLevel {
  readonly elapsedNs: number;
  readonly capacity: number;
}

/** Without spreading: a step of a policy that is asked a million times should cost a fraction of a microsecond. */
export function timedLevel(level: BucketLevel, elapsedNs: number, capacity: number): TimedLevel {
  return { bytes: level.bytes, nanoBytes: level.nanoBytes, lastNs: level.lastNs, elapsedNs, capacity };
}

/** Which phase holds at `elapsedNs`; the phases are in order, the first from 0 on. */
export function phaseAt(phases: readonly TimedRate[], elapsedNs: number): number {
  let index = 0;
  while (endOf(phases, index) <= elapsedNs) index += 1;
  return index;
}

/** The level at `untilNs` since the start: filled by each phase for as long as it held. */
export function fillThrough(phases: readonly TimedRate[], level: TimedLevel, untilNs: number): TimedLevel {
  let current = level;
  for (let index = phaseAt(phases, level.elapsedNs); current.elapsedNs < untilNs; index++) {
    current = fillIn(rateOf(phases, index), current, Math.min(untilNs, endOf(phases, index)));
  }
  return current;
}

/** When, on the level's clock, it will be `bytes`, which is more than it is now. */
export function dueNs(phases: readonly TimedRate[], level: TimedLevel, bytes: number): number {
  let current = level;
  for (let index = phaseAt(phases, level.elapsedNs); ; index++) {
    const rate = rateOf(phases, index);
    if (rate === 'unlimited') return current.lastNs;
    const endNs = endOf(phases, index);
    const fullNs = rate === 0 ? Number.POSITIVE_INFINITY : fullEnoughNs(current, rate, bytes);
    if (endNs === NEVER_NS || fullNs - current.lastNs <= endNs - current.elapsedNs) return toWhole(fullNs);
    current = fillIn(rate, current, endNs);
  }
}

/** The last phase does not end. */
const NEVER_NS = Number.POSITIVE_INFINITY;

function endOf(phases: readonly TimedRate[], index: number): number {
  return phases[index + 1]?.fromNs ?? NEVER_NS;
}

function rateOf(phases: readonly TimedRate[], index: number): TimedRate['rate'] {
  return phases[index]?.rate ?? 'unlimited';
}

/** `untilNs` is in the same phase, or its end. */
function fillIn(rate: TimedRate['rate'], level: TimedLevel, untilNs: number): TimedLevel {
  const { capacity } = level;
  const lastNs = toWhole(level.lastNs + untilNs - level.elapsedNs);
  if (rate === 'unlimited') return { bytes: capacity, nanoBytes: 0, lastNs, elapsedNs: untilNs, capacity };
  const { bytes, nanoBytes } = fill(level, rate, capacity, lastNs);
  return { bytes, nanoBytes, lastNs, elapsedNs: untilNs, capacity };
}

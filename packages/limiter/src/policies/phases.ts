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

/** The phase that holds at `elapsedNs`; the phases are in order, the first from 0 on. */
export function phaseAt(phases: readonly TimedRate[], elapsedNs: number): TimedRate {
  const current = phases.findLast(({ fromNs }) => fromNs <= elapsedNs);
  if (current === undefined) throw new RangeError('no phase begins at 0');
  return current;
}

/** The level at `untilNs` since the start: filled by each phase for as long as it held. */
export function fillThrough(phases: readonly TimedRate[], level: TimedLevel, untilNs: number): TimedLevel {
  let current = level;
  while (current.elapsedNs < untilNs) {
    current = fillIn(phases, current, Math.min(untilNs, endOf(phases, current.elapsedNs)));
  }
  return current;
}

/** When, on the level's clock, it will be `bytes`, which is more than it is now. */
export function dueNs(phases: readonly TimedRate[], level: TimedLevel, bytes: number): number {
  let current = level;
  for (;;) {
    const { rate } = phaseAt(phases, current.elapsedNs);
    if (rate === 'unlimited') return current.lastNs;
    const endNs = endOf(phases, current.elapsedNs);
    const fullNs = rate === 0 ? Number.POSITIVE_INFINITY : fullEnoughNs(current, rate, bytes);
    if (fullNs - current.lastNs <= endNs - current.elapsedNs || endNs === LAST_NS) return toWhole(fullNs);
    current = fillIn(phases, current, endNs);
    if (current.bytes >= bytes) return current.lastNs;
  }
}

/** The last phase does not end. */
const LAST_NS = Number.MAX_SAFE_INTEGER;

function endOf(phases: readonly TimedRate[], elapsedNs: number): number {
  return phases.find(({ fromNs }) => fromNs > elapsedNs)?.fromNs ?? LAST_NS;
}

/** `untilNs` is in the same phase, or its end. */
function fillIn(phases: readonly TimedRate[], level: TimedLevel, untilNs: number): TimedLevel {
  const { rate } = phaseAt(phases, level.elapsedNs);
  const lastNs = toWhole(level.lastNs + untilNs - level.elapsedNs);
  const filled =
    rate === 'unlimited'
      ? { bytes: level.capacity, nanoBytes: 0, lastNs }
      : fill(level, rate, level.capacity, lastNs);
  return { ...filled, elapsedNs: untilNs, capacity: level.capacity };
}

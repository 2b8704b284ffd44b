import type { WorkingSetPoint } from './working-set.ts';

export interface ConvergenceOptions {
  readonly memoryBytes: number;
  readonly bandwidthBytesPerSecond: number;
  readonly downtimeMs: number;
  readonly curve: readonly WorkingSetPoint[];
}

/** What a pre-copy over a link of that speed would be. */
export interface Convergence {
  readonly converges: boolean;
  /** Bytes of each round, the first one being all of memory; of the final one only if it converges. */
  readonly rounds: readonly { readonly bytes: number; readonly ms: number }[];
  readonly totalBytes: number;
  readonly etaMs: number;
  /** Of the final round, or what it would be if the guest were stopped where the rounds do not shrink any more. */
  readonly downtimeMs: number;
  /** The slowest link that it would converge over; null when it is faster than `BANDWIDTH_MAX`. */
  readonly neededBytesPerSecond: number | null;
}

/** 8 Tbit/s: no link is faster. */
const BANDWIDTH_MAX = 1e12;
/** More rounds than this no policy waits for. */
const ROUNDS_MAX = 30;
/** A round that saves less than a twentieth leads nowhere. */
const SHRINK_MIN = 0.95;
/** Halvings of the search for the slowest link: within a thousandth. */
const SEARCH_STEPS = 50;

/** Plays the rounds through: each sends what was written during the one before. */
export function predictConvergence(options: ConvergenceOptions): Convergence {
  const played = play(options, options.bandwidthBytesPerSecond);
  return { ...played, neededBytesPerSecond: slowestLink(options) };
}

type Played = Omit<Convergence, 'neededBytesPerSecond'>;

function play({ memoryBytes, downtimeMs, curve }: ConvergenceOptions, bandwidth: number): Played {
  const budgetBytes = (bandwidth * downtimeMs) / 1000;
  const rounds: { bytes: number; ms: number }[] = [];
  let bytes = memoryBytes;
  for (;;) {
    const ms = (bytes / bandwidth) * 1000;
    rounds.push({ bytes, ms });
    const next = writtenWithin(curve, ms, memoryBytes);
    const converges = next <= budgetBytes;
    const isStuck = rounds.length > 1 && next > bytes * SHRINK_MIN;
    if (converges || isStuck || rounds.length === ROUNDS_MAX) {
      const lastMs = (next / bandwidth) * 1000;
      if (converges) rounds.push({ bytes: next, ms: lastMs });
      const totalBytes = rounds.reduce((sum, round) => sum + round.bytes, 0);
      const etaMs = rounds.reduce((sum, round) => sum + round.ms, 0);
      return { converges, rounds, totalBytes, etaMs, downtimeMs: lastMs };
    }
    bytes = next;
  }
}

function slowestLink(options: ConvergenceOptions): number | null {
  if (!play(options, BANDWIDTH_MAX).converges) return null;
  let low = 1;
  let high = BANDWIDTH_MAX;
  for (let step = 0; step < SEARCH_STEPS; step++) {
    const middle = Math.sqrt(low * high);
    if (play(options, middle).converges) high = middle;
    else low = middle;
  }
  return high;
}

/** Between the points of the curve along a line; beyond its end as at its end; never more than there is. */
export function writtenWithin(curve: readonly WorkingSetPoint[], ms: number, memoryBytes: number): number {
  let before: WorkingSetPoint = { intervalMs: 0, bytes: 0 };
  let slope = 0;
  for (const point of curve) {
    slope = (point.bytes - before.bytes) / (point.intervalMs - before.intervalMs);
    if (ms <= point.intervalMs) break;
    before = point;
  }
  return Math.min(memoryBytes, before.bytes + Math.max(0, slope) * (ms - before.intervalMs));
}

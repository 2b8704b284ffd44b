import type { ConvergenceDecision, ConvergenceObservation, ConvergencePolicy } from './convergence.ts';

export interface PrecopyPolicyOptions {
  /** The guest never stands still for longer than this is expected to take. Pre-copy goes on for less while rounds still shrink. */
  readonly downtimeMs?: number;
  /** Give up after so many rounds; where the rest fits, no more are made. By default the latter may be up to 100. */
  readonly maxRounds?: number;
  /** Give up after so long. */
  readonly timeoutMs?: number;
}

export const DEFAULT_DOWNTIME_MS = 300;
export const DEFAULT_MAX_ROUNDS = 30;

const MS_PER_S = 1000;

/** Below this, the steps of the hand-over take longer than the pages do. */
const SHORT_DOWNTIME_MS = 30;
/** Rounds that fit the downtime are short, and there are ever fewer pages in them: they are worth it while so many leave a tenth less. */
const SHRINKING_ROUNDS = 4;
const SHRINKING_RATIO = 0.9;
/** Where they do not, for so many at most until one leaves hardly more than the best did. */
const WAITING_ROUNDS = 16;
const WAITING_RATIO = 1.5;
/** So many rounds in all may be made to stand still for less than is allowed: each is shorter than the downtime. */
export const SHRINKING_ROUNDS_MAX = 100;

/** Rounds until the rest fits the downtime and another one would not make it shorter; or gives up, after `maxRounds` or `timeoutMs`. The guest is never stopped for longer. */
export function precopyPolicy(options: PrecopyPolicyOptions = {}): ConvergencePolicy {
  const { downtimeMs = DEFAULT_DOWNTIME_MS, maxRounds = DEFAULT_MAX_ROUNDS, timeoutMs = Infinity } = options;
  const mostRounds = options.maxRounds ?? SHRINKING_ROUNDS_MAX;
  return {
    name: 'precopy',
    decide: (seen) => {
      const stop = fits(seen, downtimeMs);
      const holdsHot = hasFitted(seen, downtimeMs);
      if (stop === undefined) {
        const end = tooLong(seen, holdsHot ? mostRounds : maxRounds, timeoutMs, 'give-up');
        return end ?? { action: 'round', reason: 'the rest does not fit the downtime', holdsHot };
      }
      if (tooLong(seen, mostRounds, timeoutMs, 'give-up') !== undefined || !isWorthRound(seen)) return stop;
      return {
        action: 'round',
        reason: 'the rest fits the downtime, and another round makes it shorter',
        holdsHot: true,
      };
    },
  };
}

export interface HybridPolicyOptions extends PrecopyPolicyOptions {
  /** Switch when more rounds would send more than this multiple of the memory in all. */
  readonly maxTotalRatio?: number;
}

/** Leaves room for what is written during the last round. */
export const DEFAULT_TOTAL_RATIO = 1.15;

/** Looks within a round lie so far apart that a little more is sent than at the last one. */
const WITHIN_MARGIN = 0.02;

/** As `precopyPolicy`, but where that gives up, or goes on for long, the guest is handed over at once and the rest follows: in the middle of a round if need be. */
export function hybridPolicy(options: HybridPolicyOptions = {}): ConvergencePolicy {
  const {
    downtimeMs = DEFAULT_DOWNTIME_MS,
    maxRounds = DEFAULT_MAX_ROUNDS,
    timeoutMs = Infinity,
    maxTotalRatio = DEFAULT_TOTAL_RATIO,
  } = options;
  return {
    name: 'hybrid',
    decide: (seen) => {
      const decided = fits(seen, downtimeMs) ?? tooLong(seen, maxRounds, timeoutMs, 'switch');
      if (decided !== undefined) return decided;
      const { rounds, memoryBytes } = seen;
      const dirtyBytes = rounds.at(-1)!.dirtyBytes;
      // Another round sends what is dirty now, and leaves about as much again where the guest writes as before.
      const next = dirtyBytes + leftAfter(seen);
      const ratio =
        (rounds.slice(1).reduce((sum, { bytes }) => sum + bytes, 0) + memoryBytes + next) / memoryBytes;
      return ratio > maxTotalRatio
        ? {
            action: 'switch',
            reason: `another round would bring all that is sent to ${ratio.toFixed(2)} of the memory`,
          }
        : { action: 'round', reason: 'another round is cheap' };
    },
    decideWithin: ({ totalIfSwitchedBytes, memoryBytes }) => {
      const ratio = totalIfSwitchedBytes / memoryBytes;
      return ratio > maxTotalRatio - WITHIN_MARGIN
        ? { action: 'switch', reason: `all that is sent comes to ${ratio.toFixed(2)} of the memory already` }
        : { action: 'round', reason: 'the round is cheap' };
    },
  };
}

/** What would be dirty after a round that sends what is dirty now. */
function leftAfter({ rounds, bandwidthBytesPerSecond, dirtyBytesPerSecond }: ConvergenceObservation): number {
  const { dirtyBytes } = rounds.at(-1)!;
  if (bandwidthBytesPerSecond <= 0) return dirtyBytes;
  return Math.min(dirtyBytes, (dirtyBytes / bandwidthBytesPerSecond) * dirtyBytesPerSecond);
}

/** Round by round it goes up and down: what else is done on either side, and on the link, is seen in each. */
function isWorthRound({ rounds, expectedDowntimeMs }: ConvergenceObservation): boolean {
  if (expectedDowntimeMs <= SHORT_DOWNTIME_MS) return false;
  let best = Infinity;
  let since = 0;
  for (const { dirtyBytes } of rounds) {
    since += 1;
    if (dirtyBytes >= best * SHRINKING_RATIO) continue;
    best = dirtyBytes;
    since = 0;
  }
  if (since < SHRINKING_ROUNDS) return true;
  return since < WAITING_ROUNDS && rounds.at(-1)!.dirtyBytes > best * WAITING_RATIO;
}

/** It might have stopped then, and goes on only to stand still for less. */
function hasFitted({ rounds, bandwidthBytesPerSecond }: ConvergenceObservation, downtimeMs: number): boolean {
  const fittingBytes = (bandwidthBytesPerSecond * downtimeMs) / MS_PER_S;
  return rounds.some(({ dirtyBytes }) => dirtyBytes <= fittingBytes);
}

function fits(
  { expectedDowntimeMs }: ConvergenceObservation,
  downtimeMs: number,
): ConvergenceDecision | undefined {
  if (expectedDowntimeMs > downtimeMs) return undefined;
  return { action: 'stop', reason: `the rest takes ${Math.ceil(expectedDowntimeMs)} ms` };
}

function tooLong(
  { rounds, elapsedMs }: ConvergenceObservation,
  maxRounds: number,
  timeoutMs: number,
  action: 'give-up' | 'switch',
): ConvergenceDecision | undefined {
  if (rounds.length >= maxRounds) return { action, reason: `${rounds.length} rounds did not do` };
  if (elapsedMs >= timeoutMs) return { action, reason: `it took more than ${timeoutMs} ms` };
  return undefined;
}

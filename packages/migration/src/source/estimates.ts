import type { Estimates } from '../event.ts';
import type { RoundNumbers } from '../policy/convergence.ts';
import { DEFAULT_DOWNTIME_MS } from '../policy/precopy-policy.ts';

/** Rounds that go into an average, at least: the load of a guest changes. */
const RECENT_ROUNDS = 3;
/** Short ones say little each: what they send may just fill a buffer, or wait for one. So many more as come to this. */
const RECENT_MS = 1000;
const MS_PER_S = 1000;
/** Beyond this a sum of shrinking rounds is no forecast any more. */
const ETA_ROUNDS_MAX = 100;

/** Pause, checks and the words of a hand-over, where nothing was measured yet. */
const FIXED_DOWNTIME_MS = 5;

/** Bytes of memory a second that the link takes, from the last rounds. */
export function bandwidthOf(rounds: readonly RoundNumbers[]): number {
  let bytes = 0;
  let ms = 0;
  for (let back = 1; back <= rounds.length && (back <= RECENT_ROUNDS || ms < RECENT_MS); back++) {
    const round = rounds.at(-back)!;
    bytes += round.bytes;
    ms += round.durationMs;
  }
  return ms > 0 ? (bytes / ms) * MS_PER_S : 0;
}

export function dirtyRateOf(round: RoundNumbers): number {
  return round.durationMs > 0 ? (round.dirtyBytes / round.durationMs) * MS_PER_S : 0;
}

/** How long the guest would stand still if the rest were sent now. */
export function expectedDowntimeMs(dirtyBytes: number, bandwidthBytesPerSecond: number): number {
  if (dirtyBytes === 0) return FIXED_DOWNTIME_MS;
  if (bandwidthBytesPerSecond <= 0) return Infinity;
  return FIXED_DOWNTIME_MS + (dirtyBytes / bandwidthBytesPerSecond) * MS_PER_S;
}

/** `downtimeMs`: what the rest has to fit into for the ETA. */
export function estimatesOf(rounds: readonly RoundNumbers[], downtimeMs = DEFAULT_DOWNTIME_MS): Estimates {
  const last = rounds.at(-1);
  if (last === undefined) {
    return {
      dirtyBytesPerSecond: null,
      bandwidthBytesPerSecond: null,
      expectedDowntimeMs: null,
      etaMs: null,
    };
  }
  const bandwidth = bandwidthOf(rounds);
  const dirtyRate = dirtyRateOf(last);
  const downtime = expectedDowntimeMs(last.dirtyBytes, bandwidth);
  return {
    dirtyBytesPerSecond: dirtyRate,
    bandwidthBytesPerSecond: bandwidth,
    expectedDowntimeMs: Number.isFinite(downtime) ? downtime : null,
    etaMs: etaOf(last.dirtyBytes, bandwidth, dirtyRate, downtimeMs),
  };
}

/** Each round takes what was dirty, and leaves what is written meanwhile: at most what it sent. */
function etaOf(dirtyBytes: number, bandwidth: number, dirtyRate: number, downtimeMs: number): number | null {
  let rest = dirtyBytes;
  let etaMs = 0;
  for (let round = 0; round < ETA_ROUNDS_MAX; round++) {
    const downtime = expectedDowntimeMs(rest, bandwidth);
    if (downtime <= downtimeMs) return etaMs + downtime;
    if (!Number.isFinite(downtime) || dirtyRate >= bandwidth) return null;
    etaMs += downtime;
    rest *= dirtyRate / bandwidth;
  }
  return null;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { waitBucketIndex, WAIT_BUCKET_COUNT, waitQuantilesNs } from '@stillframe/snapshot';
import type { KvEndpoint } from './kv-client.ts';
import { LoadSession } from './load-session.ts';

export interface ClientLoadOptions {
  readonly endpoints: readonly KvEndpoint[];
  /** Each with a session and keys of its own. */
  readonly clients: number;
  /** Operations per second of all clients together; 0 is full speed. */
  readonly ratePerSecond: number;
  /** Keys of each client. */
  readonly keys: number;
  readonly seconds: number;
  /** Ends the load before its time; what was acknowledged is still checked. */
  readonly signal: AbortSignal;
  /** Called about ten times a second. */
  readonly onProgress?: (acknowledged: number, longestGapMs: number) => void;
}

export interface ClientLoadResult {
  readonly acknowledged: number;
  readonly durationMs: number;
  /** Latencies as the clients saw them; quantiles are at most 6.25 % above the truth. */
  readonly latencyUs: {
    readonly p50: number;
    readonly p99: number;
    readonly p999: number;
    readonly max: number;
  };
  /** The longest time in which nobody was answered. */
  readonly longestGapMs: number;
  /** When it began, in ms from the start of the load. */
  readonly longestGapAtMs: number;
  readonly connections: number;
  readonly moved: number;
  /** Acknowledged writes that are not there, or not as they were answered. */
  readonly lost: number;
  /** Writes that were done more than once. */
  readonly doubled: number;
  /** The first thing that is wrong, for a person; empty when nothing is. */
  readonly firstWrong: string;
}

const PROGRESS_MS = 100;

/**
 * Clients that keep writing, remember what they were told, and in the end ask for all of it. What is lost, doubled or stale is counted
 * from what a client knows for sure: the replies it got.
 */
export async function runClientLoad(options: ClientLoadOptions): Promise<ClientLoadResult> {
  const { clients, ratePerSecond, seconds, signal } = options;
  const startedMs = performance.now();
  const endsMs = startedMs + seconds * 1000;
  const clock = new GapClock(startedMs);
  const sessions = Array.from({ length: clients }, (_, index) => new LoadSession(index, options));
  const intervalMs = ratePerSecond > 0 ? (1000 * clients) / ratePerSecond : 0;
  const progress = setInterval(
    () => options.onProgress?.(clock.acknowledged, clock.longestGapMs),
    PROGRESS_MS,
  );
  const drive = async (session: LoadSession, index: number): Promise<void> => {
    let dueMs = startedMs + (intervalMs * index) / clients;
    while (!signal.aborted && performance.now() < endsMs) {
      const waitMs = dueMs - performance.now();
      // oxlint-disable-next-line no-await-in-loop -- the pace
      if (waitMs > 1) await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      const beganMs = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- one operation after the other
      await session.operate();
      clock.tick(beganMs);
      dueMs = Math.max(dueMs + intervalMs, performance.now() - CATCH_UP_MS);
    }
  };
  try {
    await Promise.all(sessions.map(drive));
    const durationMs = performance.now() - startedMs;
    await Promise.all(sessions.map((session) => session.check()));
    return { ...clock.result(), durationMs, ...sumOf(sessions) };
  } finally {
    clearInterval(progress);
    for (const session of sessions) session.close();
  }
}

/** A client this far behind its pace starts afresh: after a gap it does not send all that it missed. */
const CATCH_UP_MS = 100;

function sumOf(sessions: readonly LoadSession[]) {
  const sum = (of: (session: LoadSession) => number) =>
    sessions.reduce((total, session) => total + of(session), 0);
  return {
    connections: sum(({ counts }) => counts.connections),
    moved: sum(({ counts }) => counts.moved),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
    firstWrong: sessions.find(({ firstWrong }) => firstWrong !== '')?.firstWrong ?? '',
  };
}

/** When replies came, of all clients together. */
class GapClock {
  readonly #startedMs: number;
  readonly #counts = new Float64Array(WAIT_BUCKET_COUNT);
  #lastMs: number;
  #maxMs = 0;
  acknowledged = 0;
  longestGapMs = 0;
  longestGapAtMs = 0;

  constructor(startedMs: number) {
    this.#startedMs = startedMs;
    this.#lastMs = startedMs;
  }

  tick(beganMs: number): void {
    const nowMs = performance.now();
    this.acknowledged += 1;
    const bucket = waitBucketIndex(Math.max(0, Math.round((nowMs - beganMs) * 1e6)));
    this.#counts[bucket]! += 1;
    this.#maxMs = Math.max(this.#maxMs, nowMs - beganMs);
    if (nowMs - this.#lastMs > this.longestGapMs) {
      this.longestGapMs = nowMs - this.#lastMs;
      this.longestGapAtMs = this.#lastMs - this.#startedMs;
    }
    this.#lastMs = nowMs;
  }

  result() {
    const us = (ns: number) => Math.min(ns / 1e3, this.#maxMs * 1e3);
    const [p50 = 0, p99 = 0, p999 = 0] = waitQuantilesNs(this.#counts, [0.5, 0.99, 0.999]).map(us);
    return {
      acknowledged: this.acknowledged,
      latencyUs: { p50, p99, p999, max: this.#maxMs * 1e3 },
      longestGapMs: this.longestGapMs,
      longestGapAtMs: this.longestGapAtMs,
    };
  }
}

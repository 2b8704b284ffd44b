/** CoDel's variables, with ages in place of its times, so that a clock which steps cannot leave one in the future. */
export interface CodelQueue {
  /** Since when the stay is above the target; null when it is not. */
  readonly aboveForNs: number | null;
  readonly dropping: boolean;
  /** Drops since dropping began, and how many there were when it ended last. */
  readonly count: number;
  readonly lastCount: number;
  readonly sinceDropNs: number;
}

export interface CodelTerms {
  readonly targetNs: number;
  readonly intervalNs: number;
  /** A queue of at most this is never bad: CoDel's "one maximal packet". */
  readonly floorBytes: number;
}

export interface Departure {
  readonly stayNs: number;
  readonly bytes: number;
  readonly elapsedNs: number;
}

export interface Verdict {
  readonly queue: CodelQueue;
  /** CoDel would drop a packet now. */
  readonly narrow: boolean;
  /** The queue is not above its target. */
  readonly good: boolean;
}

/** Dropping again within this many intervals goes on about where it stopped. */
const MEMORY_INTERVALS = 16;

/** Bounds count and ages; a queue that has been bad for as long drops at the fastest anyway. */
const MAX_COUNT = 2 ** 20;
const MAX_AGE_NS = 2 ** 52;

export function openQueue(): CodelQueue {
  return { aboveForNs: null, dropping: false, count: 0, lastCount: 0, sinceDropNs: MAX_AGE_NS };
}

/** RFC 8289, sections 4 and 5, for pages that leave together: at most one drop at a time. */
export function judgeQueue(queue: CodelQueue, departure: Departure, terms: CodelTerms): Verdict {
  const { stayNs, bytes, elapsedNs } = departure;
  const sinceDropNs = Math.min(MAX_AGE_NS, queue.sinceDropNs + elapsedNs);
  if (stayNs < terms.targetNs || bytes <= terms.floorBytes) {
    return { queue: { ...queue, sinceDropNs, aboveForNs: null, dropping: false }, narrow: false, good: true };
  }
  const aboveForNs = queue.aboveForNs === null ? 0 : Math.min(MAX_AGE_NS, queue.aboveForNs + elapsedNs);
  const next = { ...queue, sinceDropNs, aboveForNs };
  if (queue.dropping) {
    const due = sinceDropNs >= terms.intervalNs / Math.sqrt(queue.count);
    return due ? drop(next, Math.min(MAX_COUNT, queue.count + 1), queue.lastCount) : keep(next);
  }
  if (aboveForNs < terms.intervalNs) return keep(next);
  const delta = queue.count - queue.lastCount;
  const recent = delta > 1 && sinceDropNs < MEMORY_INTERVALS * terms.intervalNs;
  const count = recent ? delta : 1;
  return drop(next, count, count);
}

function keep(queue: CodelQueue): Verdict {
  return { queue, narrow: false, good: false };
}

function drop(queue: CodelQueue, count: number, lastCount: number): Verdict {
  return {
    queue: { ...queue, dropping: true, count, lastCount, sinceDropNs: 0 },
    narrow: true,
    good: false,
  };
}

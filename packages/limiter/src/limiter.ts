/**
 * What the driver has seen since the previous observation. Counts and waits are deltas, the rest are levels.
 *
 * Times are CLOCK_MONOTONIC nanoseconds; a JavaScript number holds them exactly for 104 days of uptime and to 2 ns for 208.
 */
export interface Observation {
  readonly nowNs: number;
  /** Fault events since the previous observation. */
  readonly faults: number;
  /** When the newest of them was read; 0 when there was none since the previous observation. */
  readonly lastFaultReadNs: number;
  /**
   * Arrival → release of the writer, over the faults since the previous observation; zeros when there was none. Arrival as nearly as
   * can be observed: when the fault thread last found its queue empty, if it was busy since; when it was woken, if it slept. The
   * latency of that wake-up (5–75 µs) is not seen.
   */
  readonly faultWait: FaultWait;
  /** Swept pages that the sink has taken since the previous observation. */
  readonly sweptPages: number;
  /** Swept pages that are captured but that the sink has not taken yet. A driver whose sweep runs ahead of its sink fills
   *  this in; absent means 0. */
  readonly sweptPagesHeld?: number;
  readonly sink: SinkLevel;
  readonly preImages: PreImageLevel;
  /** Pages not captured yet, by fault or sweep, and their bytes. */
  readonly pagesLeft: number;
  readonly bytesLeft: number;
  /** Bytes in one page. */
  readonly pageSize: number;
  /**
   * Pages first written since the cut, per second, recently; absent when it is not measured. A lower bound of the guest's write
   * rate: only the first write to a page that is not captured yet is seen, so it falls as the sweep gets ahead.
   */
  readonly guestWritePagesPerSecond?: number;
  /** When the capture should be finished; absent when nobody has asked. */
  readonly deadlineNs?: number;
}

/** Waits of faulting writers in nanoseconds. */
export interface FaultWait {
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

/** The sink, as the driver feels it. */
export interface SinkLevel {
  /** The longest single write since the previous observation, whoever caused it: state and marks as well as faults and sweep. A
   *  write that is still going on counts with its age. */
  readonly longestWriteNs: number;
  /** Handed to the sink and not yet taken. */
  readonly backlogBytes: number;
  /** Recent rate at which the sink takes bytes. */
  readonly drainBytesPerSecond: number;
}

/** The pre-image store. `maxBytes` is 0 in inline mode, where each page goes to the sink before the next is captured. */
export interface PreImageLevel {
  readonly bytes: number;
  readonly maxBytes: number;
  /** Absent when it is not measured. */
  readonly sojourn?: Sojourn;
}

/**
 * How long captured pages stay in the pre-image store, in nanoseconds. Measured from the capture of a slab's first page to the
 * release of the slab, so it overstates the younger pages of a slab by at most the time that the slab took to fill.
 */
export interface Sojourn {
  /** Over the pages that have left since the previous observation; zeros when none has. */
  readonly minNs: number;
  readonly maxNs: number;
  /** Age of the oldest page that is still there; 0 when the store is empty. */
  readonly oldestNs: number;
}

/**
 * What the sweep may do next. A grant *replaces* what was left of the previous one: up to `pages` pages, not before
 * `notBeforeNs`. With `pages: 0` it only says when to ask again.
 */
export interface Grant {
  /** A whole number, 0 … `pagesLeft`. */
  readonly pages: number;
  /** Finite; at or before `nowNs` means at once. */
  readonly notBeforeNs: number;
  /** Ask again on every batch of faults, instead of waiting for the grant to be used up. */
  readonly wakeOnFault: boolean;
  /** Why, in a word or two, for logs. */
  readonly reason?: string;
}

/** What a step hands back: the state for the next step, and what is allowed until then. */
export interface Step<State> {
  readonly state: State;
  readonly grant: Grant;
}

/**
 * A sweep-rate policy: a pure reducer from observations to grants. No clock, no randomness, no I/O; the same state and
 * observation give the same step, and neither is changed.
 *
 * The driver owns the state, which is plain JSON-able data. It calls `step` before the first page; when the granted pages were
 * captured and taken by the sink; when `notBeforeNs` has passed; on every batch of faults taken, if `wakeOnFault`; and at the
 * latest after a bound of its own. So a policy is asked more often than anything happens, and such a step must be free: it
 * spends nothing and prolongs no wait. In inline mode the driver also calls it after every single page.
 *
 * Swapping while a capture runs: the driver drops the old state, takes `initial(nowNs)` of the new limiter, and steps at once.
 * The first observation after `initial` may report pages which the previous limiter granted.
 */
export interface Limiter<State = unknown> {
  readonly name: string;
  initial(nowNs: number): State;
  /** Instead of `initial` where this limiter replaces one of the same `name` with other options: takes over its state, so that what
   *  is due stays due. Absent: a re-tuning begins anew. */
  adopt?(state: State, nowNs: number): State;
  step(state: State, observation: Observation): Step<State>;
}

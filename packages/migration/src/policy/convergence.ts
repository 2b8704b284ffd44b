/** What one round of pre-copy was, and what it left behind. */
export interface RoundNumbers {
  /** 1 sends everything, those after it what was written during the one before. */
  readonly round: number;
  readonly pages: number;
  /** Bytes of memory sent, zero pages counted as they travel: not at all. */
  readonly bytes: number;
  readonly durationMs: number;
  /** Pages written while it went on, in bytes: what the next round has to send. */
  readonly dirtyBytes: number;
}

/** What a policy is told after each round. */
export interface ConvergenceObservation {
  /** All rounds so far, the one that just ended last; at least one. */
  readonly rounds: readonly RoundNumbers[];
  readonly elapsedMs: number;
  readonly memoryBytes: number;
  /** Of recent rounds: what the link takes, bytes of memory a second. */
  readonly bandwidthBytesPerSecond: number;
  /** Of the last round: new dirty memory, bytes a second. */
  readonly dirtyBytesPerSecond: number;
  /** How long the guest would stand still if it were stopped now. */
  readonly expectedDowntimeMs: number;
}

/**
 * - `round`: send what was written, while the guest runs.
 * - `stop`: pause the guest, send the rest, hand over.
 * - `switch`: pause the guest, hand over, send the rest afterwards (post-copy).
 * - `give-up`: it will not converge; the guest stays.
 *
 * `reason` is one line for a person.
 */
export interface ConvergenceDecision {
  readonly action: 'round' | 'stop' | 'switch' | 'give-up';
  readonly reason: string;
  /** Of `round`: pages that were written in this round and the one before are held back, for the guest to stand still for less. */
  readonly holdsHot?: boolean;
}

/** What a policy is told while a round goes on. */
export interface WithinRoundObservation {
  /** The rounds before this one; empty in the first. */
  readonly rounds: readonly RoundNumbers[];
  readonly elapsedMs: number;
  readonly memoryBytes: number;
  /** Of this round, in bytes of memory: all of it, and what has been sent. */
  readonly roundBytes: number;
  readonly roundSentBytes: number;
  /** Written since the round began, in bytes; also pages that this round has still to send. */
  readonly dirtyBytes: number;
  /** What would have been sent in all if the guest were handed over now and what is left followed. An estimate from above. */
  readonly totalIfSwitchedBytes: number;
}

/** When pre-copy stops. Pure: the same numbers give the same decision. */
export interface ConvergencePolicy {
  readonly name: string;
  decide(observation: ConvergenceObservation): ConvergenceDecision;
  /** Asked a few dozen times a round; `switch` ends it early, and what it has not sent follows the hand-over. Without it rounds are never cut short. */
  decideWithin?(
    observation: WithinRoundObservation,
  ): Pick<ConvergenceDecision, 'reason'> & { action: 'switch' | 'round' };
}

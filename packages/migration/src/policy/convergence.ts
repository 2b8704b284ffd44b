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
}

/** When pre-copy stops. Pure: the same numbers give the same decision. */
export interface ConvergencePolicy {
  readonly name: string;
  decide(observation: ConvergenceObservation): ConvergenceDecision;
}

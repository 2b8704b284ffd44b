import type { Clock } from '@stillframe/snapshot';
import { MigrationError } from '../error.ts';
import type { Tracker } from '../guest.ts';
import type {
  ConvergenceDecision,
  ConvergencePolicy,
  RoundNumbers,
  WithinRoundObservation,
} from '../policy/convergence.ts';

export interface RoundLookOptions {
  readonly policy: ConvergencePolicy;
  readonly tracker: Tracker;
  readonly clock: Clock;
  /** When pre-copy began. */
  readonly startNs: number;
  readonly rounds: readonly RoundNumbers[];
  readonly memoryBytes: number;
  readonly roundBytes: number;
  readonly pageBytes: number;
  /** All bytes of pages sent so far, and those of this round. */
  readonly sentBytes: () => number;
  readonly roundSentBytes: () => number;
}

const NS_PER_MS = 1_000_000;
/** Counting dirty pages takes a millisecond a GiB: so often that a bound of a few percent holds, so seldom that it costs nothing. */
const LOOKS_PER_MEMORY = 64;

/** Asks the policy in the middle of a round whether it is still worth going on. */
export class RoundLook {
  readonly #options: RoundLookOptions;
  #nextAtBytes: number;
  #isCounting = false;
  #decision: ConvergenceDecision | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: RoundLookOptions) {
    this.#options = options;
    this.#nextAtBytes = this.#stepBytes;
  }

  /** What the policy said, once it has had enough. */
  get decision(): ConvergenceDecision | undefined {
    return this.#decision;
  }

  /** Whether the round is over; asked before each batch, answers at once. Throws what counting or the policy failed with. */
  isOver(): boolean {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#decision !== undefined) return true;
    const { policy, roundSentBytes } = this.#options;
    if (policy.decideWithin === undefined || this.#isCounting) return false;
    if (roundSentBytes() < this.#nextAtBytes) return false;
    this.#nextAtBytes = roundSentBytes() + this.#stepBytes;
    this.#isCounting = true;
    void this.#look();
    return false;
  }

  get #stepBytes(): number {
    return this.#options.memoryBytes / LOOKS_PER_MEMORY;
  }

  async #look(): Promise<void> {
    const { policy, tracker, pageBytes } = this.#options;
    try {
      const seen = this.#observe((await tracker.count()) * pageBytes);
      const { action, reason } = policy.decideWithin!(seen);
      if (action === 'switch') this.#decision = { action, reason };
    } catch (cause) {
      const error = new MigrationError('policy-failed', `the policy ${policy.name} failed`, { cause });
      this.#failure = { error };
    } finally {
      this.#isCounting = false;
    }
  }

  #observe(dirtyBytes: number): WithinRoundObservation {
    const { clock, startNs, rounds, memoryBytes, roundBytes, sentBytes, roundSentBytes } = this.#options;
    const sent = roundSentBytes();
    // In the first round a part of what is dirty has still to be sent anyway; what later rounds have to send was clean when they began.
    const dirtyOfSent = rounds.length === 0 ? dirtyBytes * (sent / roundBytes) : dirtyBytes;
    return {
      rounds,
      elapsedMs: (clock.nowNs() - startNs) / NS_PER_MS,
      memoryBytes,
      roundBytes,
      roundSentBytes: sent,
      dirtyBytes,
      totalIfSwitchedBytes: sentBytes() + (roundBytes - sent) + dirtyOfSent,
    };
  }
}

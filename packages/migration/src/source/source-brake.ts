import type { Clock, EventHub } from '@stillframe/snapshot';
import { attempt, MigrationError } from '../error.ts';
import type { SourceEvents } from '../event.ts';
import type { MovingGuest, Tracker } from '../guest.ts';
import type { RoundNumbers } from '../policy/convergence.ts';
import { dirtyRateOf } from './estimates.ts';

/** The last resort: rounds get their chance first. */
const ROUNDS_BEFORE = 3;
/** A round that leaves less than this of what the one before left goes the right way by itself. */
const SHRINKING = 0.7;
/** So much of what the link takes the guest may write: then each round is half the one before. */
const WRITES_OF_BANDWIDTH = 0.5;
/** A brake that is on is drawn tighter by at least this, or it would come to rest just short of helping. */
const STEP_SHARE = 0.05;
/** How long a writer waits at its first write to a page, as long as the share allows. */
const DELAY_US = 1000;

/** No writer is slowed for more of its time, whatever is asked for. */
export const BRAKE_SHARE_MAX = 0.95;

/**
 * For how much of their time writers are to be held from now on, from 0 to `maxShare`. Pure.
 *
 * Proportional: what they write is brought to a part of what the link takes, going by what they would write without the brake. It is never
 * released before the end, since the guest would write as before.
 */
export function brakeShareAfter(
  rounds: readonly RoundNumbers[],
  bandwidthBytesPerSecond: number,
  share: number,
  maxShare: number,
): number {
  const [before, last] = rounds.slice(-2);
  if (rounds.length < ROUNDS_BEFORE || before === undefined || last === undefined) return share;
  if (last.dirtyBytes < before.dirtyBytes * SHRINKING) return share;
  const unbraked = dirtyRateOf(last) / (1 - share);
  if (unbraked <= 0) return share;
  const wanted = 1 - (WRITES_OF_BANDWIDTH * bandwidthBytesPerSecond) / unbraked;
  return Math.min(maxShare, Math.max(wanted, share + STEP_SHARE));
}

export interface SourceBrakeOptions {
  readonly maxShare: number;
  readonly guest: MovingGuest;
  readonly tracker: Tracker;
  readonly clock: Clock;
  readonly events: EventHub<SourceEvents>;
}

/** Slows a guest that writes faster than it can be sent. Off until rounds have shown that nothing else will do. */
export class SourceBrake {
  readonly #options: SourceBrakeOptions;
  #share = 0;

  constructor(options: SourceBrakeOptions) {
    this.#options = options;
  }

  /** The most so far: it never goes back. */
  get share(): number {
    return this.#share;
  }

  /** After a round that another one follows. Brings the guest to rest for a moment when it draws the brake for the first time. */
  async after(rounds: readonly RoundNumbers[], bandwidthBytesPerSecond: number): Promise<void> {
    const { maxShare, guest, tracker, clock, events } = this.#options;
    const share = brakeShareAfter(rounds, bandwidthBytesPerSecond, this.#share, maxShare);
    if (share === this.#share) return;
    if (tracker.slow === undefined) {
      throw new MigrationError('guest-failed', 'the writers of this guest cannot be slowed', {
        hint: 'Leave the brake out.',
      });
    }
    const slow = () => tracker.slow!({ delayUs: DELAY_US, maxShare: share });
    await attempt('guest-failed', 'slow the writers', this.#share === 0 ? () => atRest(guest, slow) : slow);
    this.#share = share;
    events.emit({ type: 'brake', atNs: clock.nowNs(), share, maxShare });
  }
}

/** Tracking is exchanged for one that can slow writers: writes meanwhile would go unseen. */
async function atRest(guest: MovingGuest, work: () => Promise<void>): Promise<void> {
  await guest.pause();
  try {
    await work();
  } finally {
    await guest.resume();
  }
}

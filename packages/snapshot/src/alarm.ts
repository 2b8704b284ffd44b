import type { Clock } from './clock.ts';

const NS_PER_MS = 1_000_000;

/**
 * Wakes waits that mostly end before their time: one timer serves many of them, because making and ending one for each batch of a fast
 * sink is felt.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #next: { readonly atNs: number; readonly rings: Promise<void> } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves at `atNs`, or before it, when an earlier call wanted that: the caller looks at the clock. */
  rings(atNs: number): Promise<void> {
    if (this.#next === undefined || atNs < this.#next.atNs) this.#next = { atNs, rings: this.#ring(atNs) };
    return this.#next.rings;
  }

  /** Ends every wait, and lets the process end. */
  stop(): void {
    this.#stopping.abort('over');
  }

  async #ring(atNs: number): Promise<void> {
    await this.#clock.after((atNs - this.#clock.nowNs()) / NS_PER_MS, this.#stopping.signal);
    if (this.#next?.atNs === atNs) this.#next = undefined;
  }
}

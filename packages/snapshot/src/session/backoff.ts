/** The first wait before another attempt: long enough for a link that flaps, short enough not to be felt. */
export const BACKOFF_BASE_MS = 100;
export const BACKOFF_MAX_MS = 5000;
/** How long a source may be without its destination, in sum. */
export const DEFAULT_RETRY_BUDGET_MS = 60_000;

/**
 * When to try again: each wait up to twice as long as the one before, between half of that and all of it, so that many sources of one
 * destination do not come at the same moment. No I/O, no clock: time and chance are given.
 */
export class Backoff {
  readonly #budgetMs: number;
  readonly #random: () => number;
  #attempts = 0;
  #spentMs = 0;

  /** `random` gives 0 to below 1. */
  constructor(budgetMs: number, random: () => number) {
    this.#budgetMs = budgetMs;
    this.#random = random;
  }

  /** Time without a connection, over all times that it was lost. */
  get spentMs(): number {
    return this.#spentMs;
  }

  /** The connection was made, and something came through: the next loss is a new one. Without that it is the same that goes on. */
  progressed(): void {
    this.#attempts = 0;
  }

  /** So much time has passed without a connection. */
  spent(ms: number): void {
    this.#spentMs += ms;
  }

  /** Milliseconds until the next attempt; undefined when the budget is spent. The last attempt is at the end of it. */
  next(): number | undefined {
    const leftMs = this.#budgetMs - this.#spentMs;
    if (leftMs <= 0) return undefined;
    const fullMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** this.#attempts++);
    return Math.min(leftMs, fullMs * (0.5 + this.#random() / 2));
  }
}

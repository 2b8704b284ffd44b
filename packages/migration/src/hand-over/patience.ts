import type { Clock } from '@stillframe/snapshot';

/** One wait for an answer, while a guest stands still: the newest counts. */
export class Patience {
  readonly #clock: Clock;
  #over: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `onLate` after `limitMs`, unless `answered` or another `expect` comes before. */
  expect(limitMs: number, onLate: () => void): void {
    this.answered();
    const over = new AbortController();
    this.#over = over;
    const wait = async () => {
      await this.#clock.after(limitMs, over.signal);
      if (!over.signal.aborted) onLate();
    };
    void wait();
  }

  answered(): void {
    this.#over?.abort('over');
    this.#over = undefined;
  }
}

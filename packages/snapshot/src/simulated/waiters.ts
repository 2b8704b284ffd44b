import type { Clock } from '../clock.ts';
import type { Capture } from '../guest.ts';

type WaitOptions = NonNullable<Parameters<Capture['wait']>[0]>;

const NS_PER_MS = 1_000_000;

/** Everybody who waits for a capture to become ready. */
export class Waiters {
  readonly #clock: Clock;
  readonly #isReady: () => boolean;
  readonly #waiting = new Set<{ wakeOnFault: boolean; wake: () => void }>();

  constructor(clock: Clock, isReady: () => boolean) {
    this.#clock = clock;
    this.#isReady = isReady;
  }

  /** Something changed: wakes everybody if the capture is ready now. */
  poke(): void {
    if (!this.#isReady()) return;
    for (const waiter of this.#waiting) waiter.wake();
  }

  /** A fault arrived: wakes those who asked for that. */
  fault(): void {
    for (const waiter of this.#waiting) if (waiter.wakeOnFault) waiter.wake();
  }

  wait(options: WaitOptions = {}): Promise<void> {
    const { untilNs, wakeOnFault = false, signal } = options;
    if (this.#isReady() || signal?.aborted === true) return Promise.resolve();
    if (untilNs !== undefined && untilNs <= this.#clock.nowNs()) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = new AbortController();
      const wake = () => {
        this.#waiting.delete(waiter);
        signal?.removeEventListener('abort', wake);
        timer.abort('over');
        resolve();
      };
      const waiter = { wakeOnFault, wake };
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', wake);
      if (untilNs !== undefined) {
        void this.#clock.after((untilNs - this.#clock.nowNs()) / NS_PER_MS, timer.signal).then(wake);
      }
    });
  }
}

import { EventEmitter, once } from 'node:events';

/** Those who came and were not served yet, in order. Bounded; what is dropped is dropped with `drop`. */
export class WaitingLine<T> {
  readonly #waiting: T[] = [];
  readonly #events = new EventEmitter();
  readonly #max: number;
  readonly #drop: (one: T) => void;
  #isClosed = false;

  constructor(max: number, drop: (one: T) => void) {
    this.#max = max;
    this.#drop = drop;
  }

  get isFull(): boolean {
    return this.#isClosed || this.#waiting.length >= this.#max;
  }

  /** Drops it when there is no place. */
  add(one: T): void {
    if (this.isFull) {
      this.#drop(one);
      return;
    }
    this.#waiting.push(one);
    this.#events.emit('came');
  }

  /** The caller's from then on. Rejects with the reason of the signal. */
  async next(signal: AbortSignal): Promise<T> {
    for (;;) {
      const [one] = this.#waiting.splice(0, 1);
      if (one !== undefined) return one;
      // oxlint-disable-next-line no-await-in-loop -- until one comes
      await once(this.#events, 'came', { signal }).catch(() => signal.throwIfAborted());
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const one of this.#waiting.splice(0)) this.#drop(one);
  }
}

import type { Frame, FrameBatch } from './frames.ts';

/**
 * Frames as a generator decodes them: at once up to the first pause, then one by one for whoever iterates, or all that are left for
 * whoever asks for the list.
 */
export class LazyBatch implements FrameBatch {
  readonly #source: Generator<Frame | undefined, Error | undefined>;
  readonly #frames: Frame[] = [];
  readonly #onSettle: () => void;
  #error: Error | undefined;
  #ended = false;

  /** `source` yields undefined for a pause, and returns the failure instead of throwing it. `onSettle` is called before frames are decoded that all stay in use. */
  constructor(source: Generator<Frame | undefined, Error | undefined>, onSettle: () => void) {
    this.#source = source;
    this.#onSettle = onSettle;
    while (!this.#ended && this.#step());
  }

  get frames(): readonly Frame[] {
    this.settle();
    return this.#frames;
  }

  get error(): Error | undefined {
    this.settle();
    return this.#error;
  }

  /** Decodes what is left. */
  settle(): void {
    if (this.#ended) return;
    this.#onSettle();
    while (this.#take());
  }

  *[Symbol.iterator](): Iterator<Frame> {
    for (let index = 0; index < this.#frames.length || this.#take(); index++) yield this.#frames[index]!;
    if (this.#error) throw this.#error;
  }

  /** One more frame; false when there is none. */
  #take(): boolean {
    if (this.#ended) return false;
    const before = this.#frames.length;
    while (!this.#ended && this.#frames.length === before) this.#step();
    return !this.#ended;
  }

  /** On to the next frame or pause; whether it was a frame. */
  #step(): boolean {
    const { done, value } = this.#source.next();
    if (done === true) {
      this.#ended = true;
      this.#error = value;
      return false;
    }
    if (value !== undefined) this.#frames.push(value);
    return value !== undefined;
  }
}

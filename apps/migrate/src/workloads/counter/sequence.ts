const LOW = 0;
const EPOCH_OF_LOWER_HALF = 1;
const EPOCH_OF_UPPER_HALF = 2;
const HALF = 0x8000_0000;
const WHOLE = 0x1_0000_0000;

/**
 * One ascending number for all writers, beyond 32 bits and without a lock: 1, 2, 3 …
 *
 * `LOW` counts modulo 2^32; `Atomics.add` hands each value to one writer. How often it has wrapped is kept twice: whoever takes
 * the first value of a half writes the epoch that the *other* half will have when the count gets there, 2^31 numbers later.
 *
 * Concurrency: a taker reads the epoch of its half, which was written 2^31 numbers ago and is written next 2^31 numbers from now.
 * It is wrong only if a thread sleeps between two adjacent instructions while the others take 2^31 numbers, a quarter of an hour
 * at least; this memory is not armed, so no capture can put it to sleep there. BigInt atomics would need no such argument, but
 * allocate for every number.
 */
export class SharedSequence {
  readonly #words: Int32Array<SharedArrayBuffer>;

  /** Three words of shared memory; all zero is a sequence that starts at 1. */
  constructor(words: Int32Array<SharedArrayBuffer>) {
    this.#words = words;
  }

  /** The next number. */
  take(): number {
    const low = Atomics.add(this.#words, LOW, 1) >>> 0;
    if (low === HALF) {
      Atomics.store(this.#words, EPOCH_OF_LOWER_HALF, Atomics.load(this.#words, EPOCH_OF_UPPER_HALF) + 1);
    } else if (low === 0) {
      Atomics.store(this.#words, EPOCH_OF_UPPER_HALF, Atomics.load(this.#words, EPOCH_OF_LOWER_HALF));
    }
    return this.#wide(low) + 1;
  }

  /** The last number taken, 0 for none. Exact only while nobody takes. */
  last(): number {
    return this.#wide(Atomics.load(this.#words, LOW) >>> 0);
  }

  /** Continues after `number`, as if all up to it had been taken. Not while anyone takes. */
  continueAfter(number: number): void {
    const epoch = Math.floor(number / WHOLE);
    const low = number % WHOLE;
    Atomics.store(this.#words, LOW, low | 0);
    Atomics.store(this.#words, EPOCH_OF_LOWER_HALF, low > HALF ? epoch + 1 : epoch);
    Atomics.store(this.#words, EPOCH_OF_UPPER_HALF, low === 0 ? epoch - 1 : epoch);
  }

  #wide(low: number): number {
    const epoch = Atomics.load(this.#words, low < HALF ? EPOCH_OF_LOWER_HALF : EPOCH_OF_UPPER_HALF);
    return epoch * WHOLE + low;
  }
}

import type native from '#native';

/** Buckets of `faultWait`: 16 for each power of two of nanoseconds. */
export const WAIT_BUCKETS = 64 * 16;

/** Numbers since arming, from a block that native threads update. Times are CLOCK_MONOTONIC nanoseconds. */
export interface CaptureStats {
  readonly pages: number;
  readonly capturedPages: number;
  readonly faultPages: number;
  readonly sweptPages: number;
  /** Fault events read, including repeats of the same page. */
  readonly faults: number;
  /** When the newest fault event was read; 0 when there was none. */
  readonly lastFaultReadNs: number;
  /** Counts of waits from the arrival of a fault, as nearly as it can be observed, to the release of its writer, see `WAIT_BUCKETS`: value v < 16 in bucket v, otherwise, with
   *  e = floor(log2 v), in bucket (e − 3) · 16 + ((v >> (e − 4)) & 15). Refilled by the next call of `stats`. */
  readonly faultWait: Float64Array;
  readonly faultWaitMaxNs: number;
  readonly preImageBytes: number;
  readonly preImageBytesMax: number;
  readonly spilledBytesMax: number;
  /** Writes between `armAhead` and `arm` that were let through at once. */
  readonly earlyFaults: number;
  /** Pages that the guest threw away before they were captured, or while; see `CaptureEngineOptions.discarded`. */
  readonly lostPages: number;
}

/** Copies the numbers out of the native block, into arrays made once. */
export class StatsReader {
  readonly #engine: native.CaptureEngine;
  readonly #numbers = new Float64Array(15);
  readonly #waits = new Float64Array(WAIT_BUCKETS);

  constructor(engine: native.CaptureEngine) {
    this.#engine = engine;
  }

  /** The few that are asked for all the time. */
  read(): { pages: number; failure: number } {
    this.#engine.stats(this.#numbers, null);
    return { pages: this.#numbers[0]!, failure: this.#numbers[10]! };
  }

  readAll(): CaptureStats {
    this.#engine.stats(this.#numbers, this.#waits);
    const at = (index: number): number => this.#numbers[index]!;
    return {
      pages: at(0),
      capturedPages: at(1),
      faultPages: at(2),
      sweptPages: at(3),
      faults: at(4),
      lastFaultReadNs: at(5),
      faultWait: this.#waits,
      faultWaitMaxNs: at(6),
      preImageBytes: at(7),
      preImageBytesMax: at(8),
      spilledBytesMax: at(9),
      earlyFaults: at(13),
      lostPages: at(14),
    };
  }
}

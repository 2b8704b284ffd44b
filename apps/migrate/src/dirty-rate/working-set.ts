import { PageAge, type PageRun } from './page-age.ts';

/** How much is written at least once within a time: what a round of that length leaves to be sent again. */
export interface WorkingSetPoint {
  readonly intervalMs: number;
  readonly bytes: number;
}

const PAGE_BYTES = 4096;

/**
 * The working set of a guest for windows of 1, 2, 4 … samples, each the mean over all windows of that length in the measurement.
 *
 * A page that is written in sample i and was last in sample l is new in the windows that begin after l and hold i: so one pass over what
 * each sample reports is enough, whatever the number of windows (Denning's working set, without its approximation at the ends).
 */
export class WorkingSet {
  readonly #samples: number;
  readonly #intervalMs: number;
  readonly #age = new PageAge();
  /** In samples, ascending. */
  readonly #lengths: readonly number[];
  readonly #pages: number[];

  constructor(samples: number, intervalMs: number) {
    this.#samples = samples;
    this.#intervalMs = intervalMs;
    const lengths: number[] = [];
    for (let length = 1; length < samples; length *= 2) lengths.push(length);
    this.#lengths = [...lengths, samples];
    this.#pages = this.#lengths.map(() => 0);
  }

  /** Samples come in order. */
  add(sample: number, runs: readonly PageRun[]): void {
    for (const run of runs) this.#age.note(sample, run, (last, pages) => this.#count(sample, last, pages));
  }

  #count(sample: number, last: number, pages: number): void {
    for (const [at, length] of this.#lengths.entries()) {
      const first = Math.max(last + 1, sample - length + 1, 0);
      const latest = Math.min(sample, this.#samples - length);
      if (latest >= first) this.#pages[at]! += pages * (latest - first + 1);
    }
  }

  curve(): WorkingSetPoint[] {
    return this.#lengths.map((length, at) => ({
      intervalMs: length * this.#intervalMs,
      bytes: (this.#pages[at]! / (this.#samples - length + 1)) * PAGE_BYTES,
    }));
  }
}

import type { Costs } from './costs.ts';
import type { Random } from './random.ts';

/** Who works on the cores besides the writers and the fault thread, which goes before everybody. */
export class Cores {
  sweeperBusy = false;
  scriptBusyUntilNs = 0;
  readonly #costs: Costs;
  readonly #random: Random;

  constructor(costs: Costs, random: Random) {
    this.#costs = costs;
    this.#random = random;
  }

  /** When a writer that is woken at `atNs` runs. With every core taken it now and then waits for a slice to end. */
  writerRunsNs(atNs: number): number {
    const { cores, preemptedShare, sliceNs, writerWakeNs, writerWakeSpread } = this.#costs;
    const wokenNs = atNs + this.#random.logNormal(writerWakeNs, writerWakeSpread);
    const busy = (this.sweeperBusy ? 1 : 0) + (this.scriptBusyUntilNs > atNs ? 1 : 0);
    if (busy < cores || this.#random.next() >= preemptedShare) return wokenNs;
    return wokenNs + this.#random.next() * sliceNs;
  }
}

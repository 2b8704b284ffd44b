import type { Workload } from '../workload.ts';
import type { Costs } from './costs.ts';
import type { Random } from './random.ts';

/** Who works on the cores: the guest's writers, the sweeper, JavaScript; and before all of them the fault thread. */
export class Cores {
  sweeperBusy = false;
  scriptBusyUntilNs = 0;
  readonly #costs: Costs;
  readonly #random: Random;
  /** What the writers need, in cores, averaged over their rests. */
  readonly #guestDemand: number;
  readonly #writers: number;

  constructor(costs: Costs, random: Random, { writers, writesPerSecond, onMs, offMs }: Workload) {
    this.#costs = costs;
    this.#random = random;
    const awake = offMs === 0 ? 1 : onMs / (onMs + offMs);
    this.#guestDemand = Math.min(writers, (writers * writesPerSecond * costs.writeCpuNs) / 1e9) * awake;
    this.#writers = writers;
  }

  /** How many times longer than alone the work of the sweeper or of JavaScript takes, with so many of them busy. */
  stretch(busyThreads: number): number {
    return Math.max(1, (busyThreads + this.#guestDemand) / this.#costs.cores);
  }

  /** From a fault to the fault thread running, when it sleeps. */
  faultWakeNs(): number {
    const { faultWakeNs, faultWakeSpread, sameCoreShare, sameCoreWakeNs, sameCoreWakeSpread } = this.#costs;
    const isSameCore = this.#writers === 1 || this.#random.next() < sameCoreShare;
    return isSameCore
      ? this.#random.logNormal(sameCoreWakeNs, sameCoreWakeSpread)
      : this.#random.logNormal(faultWakeNs, faultWakeSpread);
  }

  /** When a writer that is woken at `atNs` runs. With every core taken it now and then waits for a slice to end. */
  writerRunsNs(atNs: number): number {
    const { cores, preemptedShare, sliceNs, writerWakeNs, writerWakeSpread } = this.#costs;
    const wokenNs = atNs + this.#random.logNormal(writerWakeNs, writerWakeSpread);
    if (this.busyThreads(atNs) < cores || this.#random.next() >= preemptedShare) return wokenNs;
    return wokenNs + this.#random.next() * sliceNs;
  }

  /** Of sweeper and JavaScript. */
  busyThreads(atNs: number): number {
    return (this.sweeperBusy ? 1 : 0) + (this.scriptBusyUntilNs > atNs ? 1 : 0);
  }
}

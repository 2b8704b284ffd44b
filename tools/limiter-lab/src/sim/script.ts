import type { Clock } from '@stillframe/snapshot';
import type { Agenda } from './agenda.ts';
import type { Cores } from './cores.ts';
import type { Costs } from './costs.ts';
import type { Random } from './random.ts';

/** The one thread that runs JavaScript: a task begins when the one before has ended, and may take time of its own. */
export class Script {
  readonly #agenda: Agenda;
  readonly #costs: Costs;
  readonly #random: Random;
  readonly #cores: Cores;
  /** Until when the running task, or the last one, has worked. */
  #localNs = 0;
  #isRunning = false;

  constructor(agenda: Agenda, costs: Costs, random: Random, cores: Cores) {
    this.#agenda = agenda;
    this.#costs = costs;
    this.#random = random;
    this.#cores = cores;
  }

  /** What a task reads as the time, in whole nanoseconds: what it has worked so far has passed. */
  readonly clock: Clock = {
    nowNs: () => Math.floor(this.#isRunning ? this.#localNs : this.#agenda.nowNs),
    after: () => Promise.reject(new Error('the lab has no timers')),
  };

  /** `ns`: with a core of its own. */
  work(ns: number): void {
    const busyThreads = 1 + (this.#cores.sweeperBusy ? 1 : 0);
    this.#localNs += ns * this.#cores.stretch(busyThreads);
  }

  /** Runs `task` at `atNs`, or when the thread is free. */
  at(atNs: number, task: () => void): void {
    this.#agenda.at(atNs, () => {
      if (this.#localNs > this.#agenda.nowNs) return this.at(this.#localNs, task);
      this.#localNs = this.#agenda.nowNs;
      this.#isRunning = true;
      task();
      this.#isRunning = false;
      this.#cores.scriptBusyUntilNs = this.#localNs;
    });
  }

  /** Another thread, or the kernel, wakes the event loop. */
  wake(fromNs: number, task: () => void): void {
    const { scriptWakeNs, scriptWakeSpread } = this.#costs;
    this.at(fromNs + this.#random.logNormal(scriptWakeNs, scriptWakeSpread), task);
  }
}

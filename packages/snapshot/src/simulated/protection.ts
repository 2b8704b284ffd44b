import type { PageAddress, SimulatedMemory } from './memory.ts';

const ARMED = 1;
const CAPTURED = 2;

/** Which pages are armed, which are captured, and where the sweep is. */
export class Protection {
  readonly pageCount: number;
  readonly #states: Uint8Array[];
  readonly #order: PageAddress[] = [];
  #sweepAt = 0;
  capturedPages = 0;

  constructor(memory: SimulatedMemory) {
    this.#states = memory.regions.map((region) => new Uint8Array(region.sizeBytes / region.pageSize));
    for (const [region, states] of this.#states.entries()) {
      for (let page = 0; page < states.length; page++) this.#order.push({ region, page });
    }
    this.pageCount = this.#order.length;
  }

  arm(): void {
    for (const states of this.#states) states.fill(ARMED);
  }

  disarm(): void {
    for (const states of this.#states) states.fill(CAPTURED);
  }

  isArmed(at: PageAddress): boolean {
    return this.#states[at.region]![at.page] === ARMED;
  }

  release(at: PageAddress): void {
    if (!this.isArmed(at))
      throw new Error(`page ${at.page} of region ${at.region} is captured a second time`);
    this.#states[at.region]![at.page] = CAPTURED;
    this.capturedPages += 1;
  }

  /** The next page that the sweep has not passed and nobody has captured. */
  nextToSweep(): PageAddress | undefined {
    while (this.#sweepAt < this.#order.length && !this.isArmed(this.#order[this.#sweepAt]!))
      this.#sweepAt += 1;
    return this.#order[this.#sweepAt];
  }
}

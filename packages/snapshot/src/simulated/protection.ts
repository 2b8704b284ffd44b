import type { UnchangedPages } from '../guest.ts';
import type { PageAddress, SimulatedMemory } from './memory.ts';

const ARMED = 1;
const CAPTURED = 2;

/** Which pages are armed, which are captured, and where the sweep is. */
export class Protection {
  /** Pages that are to be captured. */
  pageCount: number;
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

  /** All pages but those that are left out. */
  arm(unchanged: readonly UnchangedPages[] = []): void {
    for (const states of this.#states) states.fill(ARMED);
    for (const { region, spans } of unchanged) {
      for (const { firstPage, pageCount } of spans) {
        this.#states[region]!.fill(CAPTURED, firstPage, firstPage + pageCount);
        this.pageCount -= pageCount;
      }
    }
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

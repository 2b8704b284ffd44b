import type { CaptureStats } from '@stillframe/snapshot';
import type { SimulatedCapture } from './capture.ts';
import { ARMED, IN_FLIGHT, RELEASED } from './page-table.ts';
import type { CaptureParts } from './parts.ts';
import type { Slab } from './store.ts';
import type { Fault } from './writers.ts';

/**
 * One slab of one page: the seed's single thread, as the engine has it with `preImagesMaxBytes: 0`. A waiting fault goes first; a page is
 * un-protected when the sink has it.
 */
export class InlineCapture implements SimulatedCapture {
  readonly isInline = true;
  readonly #parts: CaptureParts;
  readonly #tell: () => void;
  #queue: Fault[] = [];
  readonly #waiting = new Map<number, Fault[]>();
  #slab: Slab | undefined;
  #readNs: number | undefined;
  #isFilled = false;
  #isHungry = false;
  #granted = 0;
  #notBeforeNs = 0;

  constructor(parts: CaptureParts, tell: () => void) {
    this.#parts = parts;
    this.#tell = tell;
  }

  onFault(fault: Fault): void {
    const { agenda, costs, random } = this.#parts;
    const wakeNs = random.logNormal(costs.faultWakeNs, costs.faultWakeSpread);
    agenda.at(agenda.nowNs + wakeNs, () => {
      const alsoWaiting =
        this.#parts.pages.states[fault.page] === IN_FLIGHT ? this.#waiting.get(fault.page) : undefined;
      (alsoWaiting ?? this.#queue).push(fault);
      this.#next();
    });
  }

  pull(most: number): Slab[] {
    if (most === 0 || !this.#isFilled || this.#slab === undefined) return [];
    this.#isFilled = false;
    return [this.#slab];
  }

  /** The seed's order: save, flush, un-protect and wake. */
  release(slab: Slab): void {
    const { agenda, cores, costs, counters, pages, store } = this.#parts;
    store.giveBack(slab);
    const doneNs = agenda.nowNs + costs.unprotectPageNs;
    pages.states[slab.page] = RELEASED;
    if (this.#readNs !== undefined) counters.waits.add(doneNs - this.#readNs);
    for (const fault of this.#waiting.get(slab.page) ?? []) fault.resume(cores.writerRunsNs(doneNs));
    this.#waiting.delete(slab.page);
    this.#slab = undefined;
    agenda.at(doneNs, () => this.#next());
  }

  readyOrTell(): boolean {
    if (this.#isFilled) return true;
    this.#isHungry = true;
    return false;
  }

  grant(pages: number, notBeforeNs: number): void {
    const { agenda, costs } = this.#parts;
    this.#granted = pages;
    this.#notBeforeNs = notBeforeNs;
    agenda.at(Math.max(agenda.nowNs + costs.sweeperWakeNs, notBeforeNs), () => this.#next());
  }

  stats(): CaptureStats {
    return this.#parts.counters.stats(this.#parts.pages, this.#parts.store);
  }

  #next(): void {
    if (this.#slab !== undefined) return;
    const { agenda, counters, pages } = this.#parts;
    for (let fault = this.#queue.shift(); fault !== undefined; fault = this.#queue.shift()) {
      counters.faults += 1;
      counters.lastFaultReadNs = agenda.nowNs;
      if (pages.states[fault.page] !== ARMED) {
        fault.resume(this.#parts.cores.writerRunsNs(agenda.nowNs + this.#parts.costs.unprotectPageNs));
        continue;
      }
      return this.#capture(fault.page, fault);
    }
    if (this.#granted > 0 && this.#notBeforeNs <= agenda.nowNs && pages.seek()) {
      this.#granted -= 1;
      this.#capture(pages.cursor, undefined);
    }
  }

  #capture(page: number, fault: Fault | undefined): void {
    const { agenda, costs, counters, pages, store, timeline } = this.#parts;
    const cause = fault === undefined ? 'sweep' : 'fault';
    const slab: Slab = { cause, isSpilled: false, heldSinceNs: agenda.nowNs, pages: 0, page };
    this.#slab = slab;
    this.#readNs = fault === undefined ? undefined : agenda.nowNs;
    pages.capture(page, IN_FLIGHT);
    store.fill(slab, 1);
    if (fault === undefined) counters.sweptPages += 1;
    else counters.faultPages += 1;
    timeline.add(fault === undefined ? 'sweptPages' : 'faultPages', agenda.nowNs, 1);
    this.#waiting.set(page, fault === undefined ? [] : [fault]);
    agenda.at(agenda.nowNs + costs.faultCaptureNs, () => {
      this.#isFilled = true;
      if (!this.#isHungry) return;
      this.#isHungry = false;
      this.#tell();
    });
  }
}

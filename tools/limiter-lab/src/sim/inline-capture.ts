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
  #isSweepStarved = false;
  #granted = 0;
  #notBeforeNs = 0;

  constructor(parts: CaptureParts, tell: () => void) {
    this.#parts = parts;
    this.#tell = tell;
  }

  onFault(fault: Fault): void {
    const { agenda, cores } = this.#parts;
    agenda.at(agenda.nowNs + cores.faultWakeNs(), () => {
      const alsoWaiting =
        this.#parts.pages.states[fault.page] === IN_FLIGHT ? this.#waiting.get(fault.page) : undefined;
      (alsoWaiting ?? this.#queue).push(fault);
      this.#serve();
    });
  }

  pull(most: number): Slab[] {
    if (most === 0 || !this.#isFilled || this.#slab === undefined) return [];
    this.#isFilled = false;
    return [this.#slab];
  }

  /** The seed's order: save, flush, un-protect and wake. Then whoever waited for the slab is woken. */
  release(slab: Slab): void {
    const { agenda, cores, costs, counters, pages, store } = this.#parts;
    store.giveBack(slab);
    const doneNs = agenda.nowNs + costs.unprotectPageNs;
    pages.states[slab.page] = RELEASED;
    if (this.#readNs !== undefined) counters.waits.add(doneNs - this.#readNs);
    for (const fault of this.#waiting.get(slab.page) ?? []) fault.resume(cores.writerRunsNs(doneNs));
    this.#waiting.delete(slab.page);
    this.#slab = undefined;
    if (this.#queue.length > 0) {
      agenda.at(doneNs + cores.faultWakeNs(), () => this.#serve());
    }
    if (this.#isSweepStarved) agenda.at(doneNs + costs.sweeperWakeNs, () => this.#sweep());
    this.#isSweepStarved = false;
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
    agenda.at(Math.max(agenda.nowNs + costs.sweeperWakeNs, notBeforeNs), () => this.#sweep());
  }

  stats(): CaptureStats {
    return this.#parts.counters.stats(this.#parts.pages, this.#parts.store);
  }

  /** The fault thread: the oldest fault, if there is a slab for it. */
  #serve(): void {
    const { agenda, cores, costs, counters, pages } = this.#parts;
    while (this.#slab === undefined) {
      const fault = this.#queue.shift();
      if (fault === undefined) return;
      counters.faults += 1;
      counters.lastFaultReadNs = agenda.nowNs;
      if (pages.states[fault.page] === ARMED) this.#capture(fault.page, fault);
      else fault.resume(cores.writerRunsNs(agenda.nowNs + costs.unprotectPageNs));
    }
  }

  /** The sweeper: the next page, as granted; a waiting fault goes first. */
  #sweep(): void {
    const { agenda, pages } = this.#parts;
    if (this.#granted === 0 || this.#notBeforeNs > agenda.nowNs || !pages.seek()) return;
    this.#isSweepStarved = this.#slab !== undefined || this.#queue.length > 0;
    if (this.#isSweepStarved) return;
    this.#granted -= 1;
    this.#capture(pages.cursor, undefined);
  }

  #capture(page: number, fault: Fault | undefined): void {
    const { agenda, costs, counters, pages, store, timeline } = this.#parts;
    const cause = fault === undefined ? 'sweep' : 'fault';
    const slab: Slab = { cause, isSpilled: false, heldSinceNs: agenda.nowNs, pages: 0, page };
    this.#slab = slab;
    this.#readNs = fault === undefined ? undefined : agenda.nowNs;
    pages.capture(page, IN_FLIGHT);
    store.put(slab, 1);
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

import { ARMED, PROTECTED, RELEASED } from './page-table.ts';
import type { CaptureParts } from './parts.ts';
import type { Slab } from './store.ts';
import type { Fault } from './writers.ts';

interface Pending {
  readonly fault: Fault;
  readonly arrivalNs: number;
}

/** Serves one fault after the other; sleeps when there is none, and while there is no slab for the first of them. */
export class FaultThread {
  readonly #parts: CaptureParts;
  readonly #publish: (slab: Slab) => void;
  readonly #rests: () => void;
  #queue: Fault[] = [];
  #head = 0;
  #isAwake = false;
  #arrivalNs = 0;
  /** The fault that no slab could be had for. */
  #starved: Pending | undefined;
  current: Slab | undefined;

  /** `publish`: a full slab; `rests`: about to sleep. */
  constructor(parts: CaptureParts, publish: (slab: Slab) => void, rests: () => void) {
    this.#parts = parts;
    this.#publish = publish;
    this.#rests = rests;
  }

  get isStarved(): boolean {
    return this.#starved !== undefined;
  }

  onFault(fault: Fault): void {
    this.#queue.push(fault);
    if (!this.#isAwake) this.#wake();
  }

  slabGivenBack(): void {
    if (this.#starved !== undefined && !this.#isAwake) this.#wake();
  }

  #wake(): void {
    const { agenda, cores } = this.#parts;
    this.#isAwake = true;
    agenda.at(agenda.nowNs + cores.faultWakeNs(), () => {
      this.#arrivalNs = agenda.nowNs;
      this.#serveNext();
    });
  }

  #serveNext(): void {
    const { agenda } = this.#parts;
    const pending = this.#starved ?? this.#next();
    this.#starved = undefined;
    if (pending === undefined) return this.#sleep();
    const costNs = this.#serve(pending.fault);
    if (costNs === undefined) {
      this.#starved = pending;
      return this.#sleep();
    }
    agenda.at(agenda.nowNs + costNs, () => this.#finish(pending));
  }

  #next(): Pending | undefined {
    const fault = this.#queue[this.#head];
    if (fault === undefined) return undefined;
    this.#head += 1;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
    const { agenda, counters } = this.#parts;
    counters.faults += 1;
    counters.lastFaultReadNs = agenda.nowNs;
    const arrivalNs = this.#arrivalNs;
    this.#arrivalNs = agenda.nowNs;
    return { fault, arrivalNs };
  }

  /** Captures the page, unless somebody has. Gives what it takes, un-protecting included; undefined when there is no slab. */
  #serve({ page }: Fault): number | undefined {
    const { agenda, costs, counters, pages, store, timeline } = this.#parts;
    if (pages.states[page] !== ARMED) return costs.unprotectPageNs;
    let costNs = costs.faultCaptureNs + costs.unprotectPageNs;
    if (this.current !== undefined && this.current.pages >= store.slabPages) {
      this.#publish(this.current);
      this.current = undefined;
    }
    if (this.current === undefined) {
      this.current = store.takeForFault(agenda.nowNs);
      if (this.current === undefined) return undefined;
      if (this.current.isSpilled) costNs += costs.spillSlabNs;
    }
    if (this.current.isSpilled) costNs += costs.spillPageNs;
    pages.capture(page, PROTECTED);
    store.put(this.current, 1);
    counters.faultPages += 1;
    timeline.add('faultPages', agenda.nowNs, 1);
    return costNs;
  }

  #finish({ fault, arrivalNs }: Pending): void {
    const { agenda, cores, counters, pages } = this.#parts;
    pages.states[fault.page] = RELEASED;
    counters.waits.add(agenda.nowNs - arrivalNs);
    fault.resume(cores.writerRunsNs(agenda.nowNs));
    this.#serveNext();
  }

  #sleep(): void {
    this.#isAwake = false;
    this.#rests();
  }
}

import { ARMED, PROTECTED } from './page-table.ts';
import type { CaptureParts } from './parts.ts';
import type { Slab } from './store.ts';

/** Captures pages in order, as granted: a slab at a time, un-protecting in large pieces. */
export class Sweeper {
  readonly #parts: CaptureParts;
  readonly #publish: (slab: Slab) => void;
  readonly #rests: () => void;
  #granted = 0;
  #notBeforeNs = 0;
  #isBusy = false;
  #isStarved = false;
  #isWoken = false;
  /** First page that is captured and not un-protected. */
  #deferredFirst = 0;
  #alarmNs = Number.POSITIVE_INFINITY;

  constructor(parts: CaptureParts, publish: (slab: Slab) => void, rests: () => void) {
    this.#parts = parts;
    this.#publish = publish;
    this.#rests = rests;
  }

  get isIdle(): boolean {
    return !this.#isBusy;
  }

  grant(pages: number, notBeforeNs: number): void {
    this.#granted = pages;
    this.#notBeforeNs = notBeforeNs;
    this.#wake();
  }

  slabGivenBack(): void {
    if (!this.#isStarved) return;
    this.#isStarved = false;
    this.#wake();
  }

  #wake(): void {
    const { agenda, costs } = this.#parts;
    if (this.#isBusy || this.#isWoken) return;
    this.#isWoken = true;
    agenda.at(agenda.nowNs + costs.sweeperWakeNs, () => {
      this.#isWoken = false;
      this.#go();
    });
  }

  #go(): void {
    const { agenda, cores } = this.#parts;
    if (this.#isBusy) return;
    const slab = this.#slab();
    if (slab === undefined) {
      this.#releaseDeferred();
      cores.sweeperBusy = false;
      return this.#rests();
    }
    this.#isBusy = true;
    cores.sweeperBusy = true;
    agenda.at(agenda.nowNs + this.#fill(slab), () => {
      this.#isBusy = false;
      this.#publish(slab);
      this.#go();
    });
  }

  #slab(): Slab | undefined {
    const { agenda, pages, store } = this.#parts;
    if (this.#granted === 0) return undefined;
    if (this.#notBeforeNs > agenda.nowNs) return this.#setAlarm();
    if (!pages.seek()) return undefined;
    const slab = store.takeForSweep(agenda.nowNs);
    this.#isStarved = slab === undefined;
    return slab;
  }

  #setAlarm(): undefined {
    const { agenda } = this.#parts;
    const dueNs = this.#notBeforeNs;
    if (this.#alarmNs <= dueNs && this.#alarmNs > agenda.nowNs) return;
    this.#alarmNs = dueNs;
    agenda.at(dueNs, () => {
      if (this.#alarmNs === dueNs) this.#alarmNs = Number.POSITIVE_INFINITY;
      this.#go();
    });
  }

  /** The pages count as captured from the start on; gives what it takes. */
  #fill(slab: Slab): number {
    const { agenda, cores, costs, counters, pages, store, timeline } = this.#parts;
    const most = Math.min(this.#granted, store.slabPages);
    let taken = 0;
    let cursor = pages.cursor;
    while (taken < most && cursor < pages.count) {
      if (pages.states[cursor] === ARMED) {
        pages.capture(cursor, PROTECTED);
        taken += 1;
      }
      cursor += 1;
    }
    pages.cursor = cursor;
    this.#granted -= taken;
    store.put(slab, taken);
    counters.sweptPages += taken;
    timeline.add('sweptPages', agenda.nowNs, taken);
    const stretch = cores.stretch(cores.busyThreads(agenda.nowNs));
    const runs = Math.floor(cursor / costs.unprotectRunPages);
    const releases = runs > Math.floor(this.#deferredFirst / costs.unprotectRunPages);
    if (releases) {
      const end = runs * costs.unprotectRunPages;
      const durationNs = (taken * costs.sweepPageNs + costs.unprotectRunNs) * stretch;
      agenda.at(agenda.nowNs + durationNs, () => {
        pages.release(this.#deferredFirst, end);
        this.#deferredFirst = end;
      });
      return durationNs;
    }
    return taken * costs.sweepPageNs * stretch;
  }

  /** A sweep that rests leaves nothing protected that is captured. */
  #releaseDeferred(): void {
    const { pages } = this.#parts;
    if (pages.cursor <= this.#deferredFirst) return;
    pages.release(this.#deferredFirst, pages.cursor);
    this.#deferredFirst = pages.cursor;
  }
}

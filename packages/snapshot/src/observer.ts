import type { Observation } from '@stillframe/limiter';
import type { Clock } from './clock.ts';
import { type FaultReading, NO_FAULTS, waitsBetween } from './fault-reading.ts';
import type { Capture } from './guest.ts';
import { RateWindow } from './rate-window.ts';
import type { SinkMeter } from './sink-meter.ts';
import type { SojournMeter } from './sojourn-meter.ts';

export interface ObserverOptions {
  readonly capture: Capture;
  readonly meter: SinkMeter;
  readonly sojourn: SojournMeter;
  readonly clock: Clock;
  readonly totalBytes: number;
  readonly preImagesMaxBytes: number;
  readonly deadlineNs?: number;
}

/** What the sink has taken since the start. */
export interface Taken {
  readonly sweptPages: number;
  /** Fault numbers as of the newest batch that the sink has taken. */
  readonly faults: FaultReading;
}

export const NOTHING_TAKEN: Taken = { sweptPages: 0, faults: NO_FAULTS };

/** As long as that of the sink's drain rate, so that the two can be compared. */
const GUEST_WRITES_WINDOW_NS = 1_000_000_000;

/** Sums up for the limiter what happened since it was asked last. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #guestWrites: RateWindow;
  #seen = NOTHING_TAKEN;
  #faultPages = 0;
  #lookedNs: number;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#lookedNs = options.clock.nowNs();
    this.#guestWrites = new RateWindow(this.#lookedNs, GUEST_WRITES_WINDOW_NS);
  }

  /** Begins a new interval. Without `taken` the sink has taken nothing since. */
  observe(taken: Taken = this.#seen): Observation {
    const { capture, clock, meter, sojourn, preImagesMaxBytes, totalBytes, deadlineNs } = this.#options;
    const stats = capture.stats();
    const nowNs = clock.nowNs();
    const newFaults = taken.faults.faults - this.#seen.faults.faults;
    const pagesLeft = Math.max(0, capture.pageCount - stats.capturedPages);
    // Exact where all pages have one size; an average elsewhere.
    const pageSize = capture.pageCount === 0 ? 1 : totalBytes / capture.pageCount;
    const observation: Observation = {
      nowNs,
      faults: newFaults,
      lastFaultReadNs: newFaults > 0 ? taken.faults.lastFaultReadNs : 0,
      faultWait: waitsBetween(taken.faults, this.#seen.faults),
      sweptPages: taken.sweptPages - this.#seen.sweptPages,
      sweptPagesHeld: Math.max(0, stats.sweptPages - taken.sweptPages),
      sink: meter.level(nowNs),
      preImages: {
        bytes: stats.preImageBytes,
        maxBytes: preImagesMaxBytes,
        sojourn: sojourn.level(nowNs),
      },
      pagesLeft,
      bytesLeft: Math.round(pagesLeft * pageSize),
      pageSize: Math.ceil(pageSize),
      guestWritePagesPerSecond: this.#guestWritePagesPerSecond(nowNs, stats.faultPages),
      ...(deadlineNs === undefined ? {} : { deadlineNs }),
    };
    this.#seen = taken;
    return observation;
  }

  /** Pages come between two looks, nobody knows when: as if evenly. */
  #guestWritePagesPerSecond(nowNs: number, faultPages: number): number {
    this.#guestWrites.add(nowNs, faultPages - this.#faultPages, this.#lookedNs);
    this.#faultPages = faultPages;
    this.#lookedNs = nowNs;
    return this.#guestWrites.perSecond(nowNs);
  }
}

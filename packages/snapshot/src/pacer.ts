import type { Grant, Limiter, Observation } from '@stillframe/limiter';
import { type FaultReading, NO_FAULTS, waitsBetween } from './fault-reading.ts';
import type { Clock } from './clock.ts';
import { attemptNow, SnapshotError } from './error.ts';
import type { LimiterNumbers } from './event.ts';
import type { Capture } from './guest.ts';
import type { SinkMeter } from './sink-meter.ts';

export interface PacerOptions {
  readonly capture: Capture;
  readonly limiter: Limiter;
  readonly meter: SinkMeter;
  readonly clock: Clock;
  readonly totalBytes: number;
  readonly preImagesMaxBytes: number;
  /** At most this many pages in one grant: 1 in inline mode. */
  readonly grantMaxPages: number;
  readonly deadlineNs?: number;
  /** Called when the limiter changes its mind, not at every step. */
  readonly onChange: (limiter: string, grant: Grant) => void;
}

/** What the sink has taken since the start. */
export interface Taken {
  readonly sweptPages: number;
  /** Fault numbers as of the newest batch that the sink has taken. */
  readonly faults: FaultReading;
}

const NS_PER_MS = 1_000_000;

/** Tells the limiter what happened and the sweep what the limiter allows. */
export class Pacer {
  readonly #options: PacerOptions;
  #limiter: Limiter;
  #state: unknown;
  #seen: Taken = { sweptPages: 0, faults: NO_FAULTS };
  #grant: Grant = { pages: 0, notBeforeNs: 0, wakeOnFault: true };
  #steppedNs: number;
  #steps = 0;
  #heldNs = 0;
  /** Until when the newest grant lets nothing be swept, if anything is left to sweep. */
  #heldUntilNs = 0;
  #reportedMind = '';

  constructor(options: PacerOptions) {
    this.#options = options;
    this.#limiter = options.limiter;
    this.#steppedNs = options.clock.nowNs();
    this.#state = this.#ask(() => this.#limiter.initial(this.#steppedNs));
  }

  get grant(): Grant {
    return this.#grant;
  }

  /** When the limiter was asked last. */
  get steppedNs(): number {
    return this.#steppedNs;
  }

  get numbers(): LimiterNumbers {
    return {
      name: this.#limiter.name,
      steps: this.#steps,
      heldMs: this.#heldNs / NS_PER_MS,
      reason: this.#grant.reason ?? '',
    };
  }

  /** Takes another limiter and asks it at once; what the old one had granted is void. If the new one fails, the old one stays. */
  useLimiter(limiter: Limiter): void {
    const previous = { limiter: this.#limiter, state: this.#state };
    try {
      this.#limiter = limiter;
      this.#state = this.#ask(() => limiter.initial(this.#options.clock.nowNs()));
      this.step(this.#seen);
    } catch (error) {
      this.#limiter = previous.limiter;
      this.#state = previous.state;
      throw error;
    }
  }

  step(taken: Taken): void {
    const observation = this.#observe(taken);
    this.#countHeld(observation.nowNs);
    this.#seen = taken;
    const step = this.#ask(() => this.#limiter.step(this.#state, observation));
    const flaw = grantFlaw(step.grant);
    if (flaw !== undefined) {
      throw new SnapshotError(
        'limiter-failed',
        `the limiter ${this.#limiter.name} returned a bad grant: ${flaw}`,
        {
          operands: { limiter: this.#limiter.name },
        },
      );
    }
    this.#state = step.state;
    this.#grant = step.grant;
    this.#steps += 1;
    this.#options.capture.grant(
      Math.min(step.grant.pages, this.#options.grantMaxPages),
      step.grant.notBeforeNs,
    );
    this.#heldUntilNs = heldUntilNs(step.grant, observation);
    this.#reportChange(observation.nowNs);
  }

  #ask<T>(question: () => T): T {
    return attemptNow('limiter-failed', `limiter ${this.#limiter.name}`, question);
  }

  #observe(taken: Taken): Observation {
    const { capture, clock, meter, totalBytes, deadlineNs } = this.#options;
    const stats = capture.stats();
    const { faults, lastFaultReadNs } = taken.faults;
    const newFaults = faults - this.#seen.faults.faults;
    const pagesLeft = Math.max(0, capture.pageCount - stats.capturedPages);
    // Exact where all pages have one size; an average elsewhere.
    const pageSize = capture.pageCount === 0 ? 1 : totalBytes / capture.pageCount;
    return {
      nowNs: clock.nowNs(),
      faults: newFaults,
      lastFaultReadNs: newFaults > 0 ? lastFaultReadNs : 0,
      faultWait: waitsBetween(taken.faults, this.#seen.faults),
      sweptPages: taken.sweptPages - this.#seen.sweptPages,
      sweptPagesHeld: Math.max(0, stats.sweptPages - taken.sweptPages),
      sink: meter.level(),
      preImages: { bytes: stats.preImageBytes, maxBytes: this.#options.preImagesMaxBytes },
      pagesLeft,
      bytesLeft: Math.round(pagesLeft * pageSize),
      pageSize: Math.ceil(pageSize),
      ...(deadlineNs === undefined ? {} : { deadlineNs }),
    };
  }

  #reportChange(nowNs: number): void {
    const mind = `${this.#limiter.name} ${this.#grant.reason ?? ''} ${this.#heldUntilNs > nowNs}`;
    if (mind === this.#reportedMind) return;
    this.#reportedMind = mind;
    this.#options.onChange(this.#limiter.name, this.#grant);
  }

  #countHeld(nowNs: number): void {
    this.#heldNs += Math.max(0, Math.min(nowNs, this.#heldUntilNs) - this.#steppedNs);
    this.#steppedNs = nowNs;
  }
}

function heldUntilNs({ pages, notBeforeNs }: Grant, { pagesLeft, nowNs }: Observation): number {
  if (pagesLeft === 0) return nowNs;
  return pages === 0 ? Number.POSITIVE_INFINITY : notBeforeNs;
}

/** What keeps a grant from being acted on. More pages than are left are no flaw: the sweep ends by itself. */
function grantFlaw(grant: Grant): string | undefined {
  if (!Number.isSafeInteger(grant.pages) || grant.pages < 0)
    return `pages is ${grant.pages}, not a whole number`;
  if (!Number.isFinite(grant.notBeforeNs)) return `notBeforeNs is ${grant.notBeforeNs}, not a finite time`;
  return undefined;
}

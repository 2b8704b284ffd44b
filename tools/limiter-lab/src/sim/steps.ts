import type { LimiterStep } from '@stillframe/snapshot';
import type { TimelineRecorder } from '../timeline.ts';

export type { LimiterStep };

/** Notes when the limiter lets nothing be swept: from a step until its grant begins, or until the next step. */
export class HeldBack {
  readonly #timeline: TimelineRecorder;
  #fromNs = 0;
  #untilNs = 0;

  constructor(timeline: TimelineRecorder) {
    this.#timeline = timeline;
  }

  /** `atNs`: since the cut. */
  step({ grant, observation }: Pick<LimiterStep, 'grant' | 'observation'>, atNs: number): void {
    const toNs = Math.min(atNs, this.#untilNs);
    if (toNs > this.#fromNs) this.#timeline.addSpan('heldBackNs', this.#fromNs, toNs, toNs - this.#fromNs);
    const waitsNs = grant.notBeforeNs - observation.nowNs;
    const isHeld = observation.pagesLeft > 0;
    this.#fromNs = atNs;
    this.#untilNs = isHeld ? atNs + (grant.pages === 0 ? Number.POSITIVE_INFINITY : waitsNs) : 0;
  }
}

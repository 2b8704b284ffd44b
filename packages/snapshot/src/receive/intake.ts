import { type EndFrame, type Frame, type PagesFrame, StateCollector } from '@stillframe/page-stream';
import { attempt } from '../error.ts';
import type { GuestState, Region, Target } from '../guest.ts';

/** A whole image, before it is committed. */
export interface ReceivedImage {
  readonly regions: readonly Region[];
  readonly state: GuestState;
  readonly totals: EndFrame;
  readonly streamId: Uint8Array;
}

/** Puts the frames of one image into a target. The decoder has checked each of them, and their order. */
export class Intake {
  readonly #target: Target;
  readonly #collector = new StateCollector();
  #streamId = new Uint8Array(0);
  #regions: readonly Region[] = [];
  #state: GuestState | undefined;
  #totals: EndFrame | undefined;
  #receivedPages = 0;

  constructor(target: Target) {
    this.#target = target;
  }

  get receivedPages(): number {
    return this.#receivedPages;
  }

  get pages(): number {
    return this.#regions.reduce((sum, { sizeBytes, pageSize }) => sum + sizeBytes / pageSize, 0);
  }

  /** The image, once its END came. */
  get image(): ReceivedImage | undefined {
    if (this.#state === undefined || this.#totals === undefined) return undefined;
    return { regions: this.#regions, state: this.#state, totals: this.#totals, streamId: this.#streamId };
  }

  async take(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'header':
        this.#streamId = frame.streamId.slice();
        return;
      case 'regions':
        this.#regions = frame.regions;
        return attempt('target-failed', 'target.allocate', () =>
          this.#target.allocate(frame.regions, this.#streamId),
        );
      case 'state': {
        const state = this.#collector.add(frame);
        if (state === undefined) return;
        this.#state = state;
        return attempt('target-failed', 'target.writeState', () => this.#target.writeState(state));
      }
      case 'pages':
        return this.#takePages(frame);
      case 'end':
        this.#totals = frame;
        return;
      case 'parent':
      case 'hello':
      case 'ack':
      case 'abort':
      case 'skipped':
        return;
    }
  }

  async #takePages({ region, runs, bytes }: PagesFrame): Promise<void> {
    await attempt('target-failed', 'target.writePages', () => this.#target.writePages(region, runs, bytes));
    for (const { pageCount } of runs) this.#receivedPages += pageCount;
  }
}

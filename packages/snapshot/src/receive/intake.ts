import { setImmediate as turn } from 'node:timers/promises';
import {
  type EndFrame,
  type Frame,
  type PageReader,
  type PageRun,
  type PagesFrame,
  type PageSpan,
  StateCollector,
} from '@stillframe/page-stream';
import { asSnapshotError, attempt } from '../error.ts';
import type { GuestState, Region, Target } from '../guest.ts';
import { asStreamFailure } from '../stream-failure.ts';

/** A whole image, before it is committed. */
export interface ReceivedImage {
  readonly regions: readonly Region[];
  readonly state: GuestState;
  readonly totals: EndFrame;
  readonly streamId: Uint8Array;
}

/** How much of a parent is copied at a time. */
const INHERITED_BYTES = 1024 * 1024;

/** Puts the frames of one image into a target. The decoder has checked each of them, and their order. */
export class Intake {
  readonly #target: Target;
  readonly #parent: PageReader | undefined;
  readonly #collector = new StateCollector();
  #streamId = new Uint8Array(0);
  #regions: readonly Region[] = [];
  #state: GuestState | undefined;
  #totals: EndFrame | undefined;
  #receivedPages = 0;

  /** `parent`: where pages are that stay as in it. */
  constructor(target: Target, parent?: PageReader) {
    this.#target = target;
    this.#parent = parent;
  }

  /** Those that were inherited included. The layers of a chain write some pages more than once. */
  get receivedPages(): number {
    return Math.min(this.#receivedPages, this.pages);
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
    await this.#take(frame);
    if (!this.#isStored || !isImageFrame(frame)) return;
    await attempt('target-failed', 'target.writeFrame', () => this.#target.writeFrame!(frame.raw!));
  }

  /** Whether the target stores the stream as it comes, instead of what it says. */
  get #isStored(): boolean {
    return this.#target.writeFrame !== undefined;
  }

  async #take(frame: Frame): Promise<void> {
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
        if (this.#isStored) return;
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

  async #takePages({ region, runs, bytes, stored }: PagesFrame): Promise<void> {
    if (!this.#isStored) await this.#write(region, runs, bytes);
    for (const { pageCount } of runs) this.#receivedPages += pageCount;
    for (const span of stored?.inherited ?? []) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      if (this.#parent !== undefined && !this.#isStored) await this.#inherit(this.#parent, region, span);
      this.#receivedPages += span.pageCount;
    }
  }

  async #inherit(parent: PageReader, region: number, { firstPage, pageCount }: PageSpan): Promise<void> {
    const { pageSize } = this.#regions[region]!;
    const atOnce = Math.max(1, Math.floor(INHERITED_BYTES / pageSize));
    const buffer = new Uint8Array(Math.min(atOnce, pageCount) * pageSize);
    for (let done = 0; done < pageCount; done += atOnce) {
      const run = {
        firstPage: firstPage + done,
        pageCount: Math.min(atOnce, pageCount - done),
        kind: 'data',
      } as const;
      const bytes = buffer.subarray(0, run.pageCount * pageSize);
      readParent(parent, region, run.firstPage, bytes);
      // oxlint-disable-next-line no-await-in-loop -- in order
      await this.#write(region, [run], bytes);
      // oxlint-disable-next-line no-await-in-loop -- a span may be as long as the region
      await turn();
    }
  }

  async #write(region: number, runs: readonly PageRun[], bytes: Uint8Array): Promise<void> {
    await attempt('target-failed', 'target.writePages', () => this.#target.writePages(region, runs, bytes));
  }
}

/** Bit 15 of a type says that a frame is talk between peers (FORMAT.md, "Frames"). */
const CONTROL_BIT = 0x8000;

function isImageFrame(frame: Frame): boolean {
  if (frame.type === 'skipped') return (frame.frameType & CONTROL_BIT) === 0;
  return frame.type !== 'hello' && frame.type !== 'ack' && frame.type !== 'abort';
}

function readParent(parent: PageReader, region: number, firstPage: number, bytes: Uint8Array): void {
  try {
    parent.readPages(region, firstPage, bytes);
  } catch (error) {
    throw asSnapshotError(asStreamFailure(error), 'source-failed', 'parent.readPages');
  }
}

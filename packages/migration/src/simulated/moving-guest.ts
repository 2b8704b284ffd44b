import type { Clock, GuestState, Region } from '@stillframe/snapshot';
import type { DirtyRun, MovingGuest, Tracker } from '../guest.ts';
import {
  packSequence,
  type SequenceMemory,
  type SequenceRegion,
  sequenceMemory,
  stamp,
} from './sequence-memory.ts';
import { SequenceWriter } from './sequence-writer.ts';

/** What a source asks of a guest. */
export type MovingGuestStep =
  | 'track'
  | 'collect'
  | 'slow'
  | 'readPages'
  | 'pause'
  | 'saveState'
  | 'resume'
  | 'release';

export const SIMULATED_KIND = 'simulated/sequence@1';

export interface SimulatedMovingGuestOptions {
  readonly clock: Clock;
  readonly regions: readonly SequenceRegion[];
  /** Page writes of the guest; 1 when not given. */
  readonly pagesPerMs?: number;
  /** Share of the pages that are written to; all when not given. */
  readonly workingSet?: number;
  readonly seed?: number;
  /** Called before every step; what it throws is what the step throws. */
  readonly before?: (step: MovingGuestStep) => void | Promise<void>;
}

/** A guest in arrays, which writes ascending numbers to its pages: whoever has its state can tell whether the memory is right. */
export class SimulatedMovingGuest implements MovingGuest {
  readonly regions: readonly Region[];
  readonly memory: SequenceMemory;
  /** Every step that was asked for, failed or not, but for `readPages` and `collect`. */
  readonly steps: MovingGuestStep[] = [];
  isReleased = false;
  readonly #options: SimulatedMovingGuestOptions;
  readonly #writer: SequenceWriter;
  readonly #trackers = new Set<SimulatedTracker>();

  /** Every page has been written once, and the guest runs. */
  constructor(options: SimulatedMovingGuestOptions) {
    this.#options = options;
    this.memory = sequenceMemory(options.regions);
    this.regions = this.memory.regions;
    let sequence = 0;
    for (const [region, pages] of this.memory.ledger.entries()) {
      for (let page = 0; page < pages.length; page += 2) stamp(this.memory, region, page, ++sequence);
    }
    this.#writer = new SequenceWriter({
      clock: options.clock,
      memory: this.memory,
      sequence,
      pagesPerMs: options.pagesPerMs ?? 1,
      workingSet: options.workingSet ?? 1,
      seed: options.seed ?? 1,
      onWrite: (region, page) => {
        for (const tracker of this.#trackers) tracker.wrote(region, page);
      },
    });
    this.#writer.run();
  }

  get isRunning(): boolean {
    return this.#writer.isRunning;
  }

  get sequence(): number {
    return this.#writer.sequence;
  }

  /** Whether writes are tracked: nobody may forget to end that. */
  get isTracked(): boolean {
    return this.#trackers.size > 0;
  }

  async track(): Promise<Tracker> {
    await this.#before('track');
    const tracker = new SimulatedTracker(
      this.memory,
      () => {
        this.#trackers.delete(tracker);
        this.#writer.slow(0);
      },
      () => this.#options.before?.('collect'),
      async (share) => {
        await this.#before('slow');
        this.#writer.slow(share);
      },
    );
    this.#trackers.add(tracker);
    return tracker;
  }

  async readPages(region: number, firstPage: number, into: Uint8Array): Promise<void> {
    await this.#options.before?.('readPages');
    const start = firstPage * this.regions[region]!.pageSize;
    into.set(this.memory.bytes[region]!.subarray(start, start + into.length));
  }

  async pause(): Promise<void> {
    await this.#before('pause');
    await this.#writer.pause();
  }

  async resume(): Promise<void> {
    await this.#before('resume');
    this.#writer.run();
  }

  async saveState(): Promise<GuestState> {
    await this.#before('saveState');
    return { kind: SIMULATED_KIND, bytes: packSequence(this.memory, this.#writer.sequence) };
  }

  async release(): Promise<void> {
    await this.#before('release');
    this.isReleased = true;
    this.#writer.stop();
  }

  /** Ends the guest, wherever it runs. */
  stop(): void {
    this.#writer.stop();
  }

  async #before(step: MovingGuestStep): Promise<void> {
    this.steps.push(step);
    await this.#options.before?.(step);
  }
}

class SimulatedTracker implements Tracker {
  readonly #dirty: Uint8Array[];
  readonly #onClose: () => void;
  readonly #before: () => void | Promise<void>;
  readonly #slow: (share: number) => Promise<void>;

  constructor(
    memory: SequenceMemory,
    onClose: () => void,
    before: () => void | Promise<void>,
    slow: (share: number) => Promise<void>,
  ) {
    this.#slow = slow;
    this.#dirty = memory.ledger.map((pages) => new Uint8Array(pages.length));
    this.#onClose = onClose;
    this.#before = before;
  }

  wrote(region: number, page: number): void {
    this.#dirty[region]![page] = 1;
  }

  async collect(): Promise<DirtyRun[]> {
    await this.#before();
    const runs = this.#dirty.flatMap((pages, region) =>
      [...pages].flatMap((dirty, page) => (dirty === 1 ? [{ region, firstPage: page, pageCount: 1 }] : [])),
    );
    for (const pages of this.#dirty) pages.fill(0);
    return runs;
  }

  count(): number {
    return this.#dirty.reduce((sum, pages) => sum + pages.reduce((pageSum, dirty) => pageSum + dirty, 0), 0);
  }

  slow({ maxShare }: { readonly maxShare: number }): Promise<void> {
    return this.#slow(maxShare);
  }

  async close(): Promise<void> {
    this.#onClose();
  }
}

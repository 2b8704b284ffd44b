import type { PageRun } from '@stillframe/page-stream';
import type { Clock, GuestState, Region } from '@stillframe/snapshot';
import type { DirtyRun, MovingTarget } from '../guest.ts';
import { SimulatedLazyMemory } from './lazy-memory.ts';
import { SIMULATED_KIND } from './moving-guest.ts';
import { type SequenceMemory, sequenceMemory, unpackSequence, wrongPages } from './sequence-memory.ts';
import { SequenceWriter } from './sequence-writer.ts';

/** What a destination asks of a target. */
export type MovingTargetStep =
  | 'allocate'
  | 'lazy'
  | 'writePages'
  | 'loadState'
  | 'start'
  | 'pause'
  | 'resume'
  | 'discard';

export interface SimulatedMovingTargetOptions {
  readonly clock: Clock;
  readonly pagesPerMs?: number;
  readonly before?: (step: MovingTargetStep) => void | Promise<void>;
  /** Called right before the guest runs here, e.g. to see that it does not run elsewhere. */
  readonly onStart?: () => void;
}

/** Receives a simulated guest, checks it, and lets it go on. */
export class SimulatedMovingTarget implements MovingTarget {
  /** Every step that was asked for, failed or not, but for `writePages`. */
  readonly steps: MovingTargetStep[] = [];
  memory: SequenceMemory = sequenceMemory([]);
  isDiscarded = false;
  /** What `lazy` made; undefined before, and in pre-copy. */
  lazyMemory: SimulatedLazyMemory | undefined;
  readonly #options: SimulatedMovingTargetOptions;
  #writer: SequenceWriter | undefined;
  #sequence = 0;

  constructor(options: SimulatedMovingTargetOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#writer?.isRunning ?? false;
  }

  get sequence(): number {
    return this.#writer?.sequence ?? this.#sequence;
  }

  async allocate(regions: readonly Region[]): Promise<void> {
    await this.#before('allocate');
    this.memory = sequenceMemory(
      regions.map(({ sizeBytes, pageSize }) => ({ pageCount: sizeBytes / pageSize, pageSize })),
    );
  }

  async writePages(region: number, runs: readonly PageRun[], bytes: Uint8Array): Promise<void> {
    await this.#options.before?.('writePages');
    const { pageSize } = this.memory.regions[region]!;
    const memory = this.memory.bytes[region]!;
    let at = 0;
    for (const { firstPage, pageCount, kind } of runs) {
      const start = firstPage * pageSize;
      const sizeBytes = pageCount * pageSize;
      if (kind === 'zero') memory.fill(0, start, start + sizeBytes);
      else memory.set(bytes.subarray(at, (at += sizeBytes)), start);
    }
  }

  async loadState(state: GuestState): Promise<void> {
    await this.#before('loadState');
    if (state.kind !== SIMULATED_KIND) throw new Error(`a state of kind ${state.kind}`);
    this.#sequence = unpackSequence(this.memory, state.bytes);
  }

  async start(): Promise<void> {
    await this.#before('start');
    this.#options.onStart?.();
    this.#writer = new SequenceWriter({
      clock: this.#options.clock,
      memory: this.memory,
      sequence: this.#sequence,
      pagesPerMs: this.#options.pagesPerMs ?? 1,
      workingSet: 1,
      seed: 7,
      touch: (region, page) => this.lazyMemory?.touch(region, page),
    });
    this.#writer.run();
  }

  async pause(): Promise<void> {
    await this.#before('pause');
    await this.#writer?.pause();
  }

  async resume(): Promise<void> {
    await this.#before('resume');
    this.#writer?.run();
  }

  async discard(): Promise<void> {
    await this.#before('discard');
    this.isDiscarded = true;
    this.memory = sequenceMemory([]);
  }

  async lazy(missing: readonly DirtyRun[]): Promise<SimulatedLazyMemory> {
    await this.#before('lazy');
    this.lazyMemory = new SimulatedLazyMemory(this.memory, missing);
    return this.lazyMemory;
  }

  /** What the oracle finds wrong with the memory as it is; pages that have not come need not be right. */
  wrongPages(): string[] {
    return wrongPages(this.memory, (region, page) => this.lazyMemory?.isMissing(region, page) ?? false);
  }

  /** Ends the guest. */
  stop(): void {
    this.#writer?.stop();
  }

  async #before(step: MovingTargetStep): Promise<void> {
    this.steps.push(step);
    await this.#options.before?.(step);
  }
}

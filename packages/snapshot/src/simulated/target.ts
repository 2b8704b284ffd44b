import type { PageRun } from '@stillframe/page-stream';
import type { GuestState, Region, Target } from '../guest.ts';

export type TargetStep = 'allocate' | 'writeState' | 'writePages' | 'commit' | 'discard';

export interface SimulatedTargetOptions {
  /** Called before every step; what it throws is what the step throws. */
  readonly before?: (step: TargetStep) => void | Promise<void>;
}

/** Receives an image into arrays. */
export class SimulatedTarget implements Target {
  /** Every step that was asked for, failed or not, except `writePages`. */
  readonly steps: TargetStep[] = [];
  regions: readonly Region[] = [];
  /** What was received; empty after `discard`. */
  memory: readonly Uint8Array[] = [];
  state: GuestState | undefined;
  streamId: Uint8Array | undefined;
  isCommitted = false;
  readonly #options: SimulatedTargetOptions;

  constructor(options: SimulatedTargetOptions = {}) {
    this.#options = options;
  }

  async allocate(regions: readonly Region[], streamId: Uint8Array): Promise<void> {
    await this.#before('allocate');
    this.streamId = streamId;
    this.regions = regions;
    this.memory = regions.map((region) => new Uint8Array(region.sizeBytes));
  }

  async writeState(state: GuestState): Promise<void> {
    await this.#before('writeState');
    this.state = { kind: state.kind, bytes: state.bytes.slice() };
  }

  async writePages(regionId: number, runs: readonly PageRun[], bytes: Uint8Array): Promise<void> {
    await this.#before('writePages');
    const memory = this.memory[regionId];
    const pageSize = this.regions[regionId]?.pageSize;
    if (memory === undefined || pageSize === undefined)
      throw new RangeError(`there is no region ${regionId}`);
    let at = 0;
    for (const run of runs) {
      if (run.kind === 'zero') continue;
      const sizeBytes = run.pageCount * pageSize;
      memory.set(bytes.subarray(at, at + sizeBytes), run.firstPage * pageSize);
      at += sizeBytes;
    }
  }

  readPages(regionId: number, firstPage: number, pages: Uint8Array): void {
    const start = firstPage * this.regions[regionId]!.pageSize;
    pages.set(this.memory[regionId]!.subarray(start, start + pages.length));
  }

  async commit(): Promise<void> {
    await this.#before('commit');
    this.isCommitted = true;
  }

  async discard(): Promise<void> {
    await this.#before('discard');
    if (this.isCommitted) return;
    this.memory = [];
    this.state = undefined;
  }

  async #before(step: TargetStep): Promise<void> {
    if (step !== 'writePages') this.steps.push(step);
    await this.#options.before?.(step);
  }
}

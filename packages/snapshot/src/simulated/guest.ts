/* oxlint-disable no-await-in-loop -- a write waits for one obstacle after the other */
import type { Clock } from '../clock.ts';
import type { Capture, CaptureOptions, Guest, GuestState, Region } from '../guest.ts';
import { Barrier } from './barrier.ts';
import { SimulatedCapture } from './capture.ts';
import { ChangeLog } from './change-log.ts';
import { SimulatedMemory, type SimulatedRegion } from './memory.ts';

/** What the orchestrator asks of a guest, in the order it asks. */
export type GuestStep = 'open' | 'pause' | 'saveState' | 'arm' | 'resume' | 'pull' | 'close';

export interface SimulatedGuestOptions {
  readonly clock: Clock;
  readonly regions: readonly SimulatedRegion[];
  /** Called before every step; what it throws is what the step throws. `arm` and `pull` do not wait for a promise. */
  readonly before?: (step: GuestStep) => void | Promise<void>;
  /** Bytes of the saved state; 8 when not given. The first 8 hold the number of writes so far. */
  readonly stateBytes?: number;
}

/** A guest whose writers are promises and whose page faults are function calls. */
export class SimulatedGuest implements Guest {
  readonly regions: readonly Region[];
  /** Every step that was asked for, failed or not, except `pull`. */
  readonly steps: GuestStep[] = [];
  /** A copy of each region, made when the newest capture armed: what its image has to show. */
  memoryAtCut: readonly Uint8Array[] = [];
  /** Writes that were let through so far. */
  writeCount = 0;
  readonly #options: SimulatedGuestOptions;
  readonly #memory: SimulatedMemory;
  readonly #changes: ChangeLog;
  #capture: SimulatedCapture | undefined;
  /** Set while paused; resolves when the guest goes on. */
  #pause: Barrier | undefined;

  constructor(options: SimulatedGuestOptions) {
    this.#options = options;
    this.#memory = new SimulatedMemory(options.regions);
    this.#changes = new ChangeLog(this.#memory);
    this.regions = this.#memory.regions;
  }

  get isPaused(): boolean {
    return this.#pause !== undefined;
  }

  /** The newest capture, to make it fail or to look at it. */
  get capture(): SimulatedCapture | undefined {
    return this.#capture;
  }

  /** A writer: puts `bytes` at the start of the page. Resolves when the write is done, which a pause or a fault may delay. */
  async write(region: number, page: number, bytes: Uint8Array): Promise<void> {
    this.#memory.page(region, page);
    for (;;) {
      if (this.#pause !== undefined) await this.#pause.lifted;
      else if (this.#capture?.isProtected({ region, page }) === true)
        await this.#capture.fault({ region, page });
      else break;
    }
    this.#memory.write(region, page, bytes);
    this.#changes.wrote(region, page);
    this.writeCount += 1;
  }

  /** A copy of a page as it is now. */
  read(region: number, page: number): Uint8Array {
    return this.#memory.page(region, page).slice();
  }

  async pause(): Promise<void> {
    await this.#before('pause');
    this.#pause ??= new Barrier();
  }

  async resume(): Promise<void> {
    await this.#before('resume');
    this.#pause?.lift();
    this.#pause = undefined;
  }

  async saveState(): Promise<GuestState> {
    await this.#before('saveState');
    const bytes = new Uint8Array(Math.max(8, this.#options.stateBytes ?? 8));
    new DataView(bytes.buffer).setBigUint64(0, BigInt(this.writeCount), true);
    return { kind: 'simulated@1', bytes };
  }

  async open(options: CaptureOptions): Promise<Capture> {
    await this.#before('open');
    if (this.#capture?.isOpen === true) throw new Error('a capture is open already');
    this.#capture = new SimulatedCapture({
      memory: this.#memory,
      changes: this.#changes,
      clock: this.#options.clock,
      options,
      before: (step) => this.#before(step),
      onArmed: () => {
        this.memoryAtCut = this.#memory.copy();
      },
    });
    return this.#capture;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#capture?.close();
  }

  #before(step: GuestStep): void | Promise<void> {
    if (step !== 'pull') this.steps.push(step);
    return this.#options.before?.(step);
  }
}

import type { CaptureStats } from '@stillframe/snapshot';
import type { SimulatedCapture } from './capture.ts';
import { FaultThread } from './fault-thread.ts';
import type { CaptureParts } from './parts.ts';
import type { Slab } from './store.ts';
import { Sweeper } from './sweeper.ts';
import type { Fault } from './writers.ts';

/** The sweep tells the consumer of several slabs at once (kTellSlabs). */
const TELL_SLABS = 4;

/** Fault thread, sweeper and store: packages/uffd/native/core in virtual time. */
export class BufferedCapture implements SimulatedCapture {
  readonly isInline = false;
  readonly #parts: CaptureParts;
  readonly #tell: () => void;
  readonly #faultThread: FaultThread;
  readonly #sweeper: Sweeper;
  readonly #faulted: Slab[] = [];
  readonly #swept: Slab[] = [];
  #isHungry = false;
  #isTelling = false;

  /** `tell`: the consumer waits for something, and there is something. */
  constructor(parts: CaptureParts, tell: () => void) {
    this.#parts = parts;
    this.#tell = tell;
    this.#faultThread = new FaultThread(
      parts,
      (slab) => this.#faulted.push(slab),
      () => this.#tellOfFaults(),
    );
    this.#sweeper = new Sweeper(
      parts,
      (slab) => {
        this.#swept.push(slab);
        if (this.#swept.length >= TELL_SLABS) this.#tellIfHungry();
      },
      () => this.#tellIfHungry(),
    );
  }

  onFault(fault: Fault): void {
    this.#faultThread.onFault(fault);
  }

  pull(most: number): Slab[] {
    const out = this.#faulted.splice(0, most);
    const goesAlong = out.length > 0 || this.#swept.length > 0 || this.#sweeper.isIdle || this.#isComplete;
    const { current } = this.#faultThread;
    if (out.length < most && goesAlong && current !== undefined && current.pages > 0) {
      this.#faultThread.current = undefined;
      out.push(current);
    }
    out.push(...this.#swept.splice(0, most - out.length));
    return out;
  }

  release(slab: Slab): void {
    this.#parts.store.giveBack(slab);
    this.#faultThread.slabGivenBack();
    this.#sweeper.slabGivenBack();
  }

  readyOrTell(): boolean {
    if (this.#isReady) return true;
    this.#isHungry = true;
    return false;
  }

  grant(pages: number, notBeforeNs: number): void {
    this.#sweeper.grant(pages, notBeforeNs);
  }

  stats(): CaptureStats {
    return this.#parts.counters.stats(this.#parts.pages, this.#parts.store);
  }

  get #isComplete(): boolean {
    return this.#parts.pages.capturedPages === this.#parts.pages.count;
  }

  get #isReady(): boolean {
    const { current } = this.#faultThread;
    const trickle = this.#sweeper.isIdle && current !== undefined && current.pages > 0;
    return this.#faulted.length > 0 || this.#swept.length > 0 || this.#isComplete || trickle;
  }

  #tellIfHungry(): void {
    if (!this.#isHungry || !this.#isReady) return;
    this.#isHungry = false;
    this.#tell();
  }

  /** The sweeper passes on what the fault thread has to tell; a few pages wait for company. */
  #tellOfFaults(): void {
    const { agenda, costs } = this.#parts;
    if (!this.#isHungry || !this.#isReady || this.#isTelling) return;
    this.#isTelling = true;
    const isUrgent = this.#faulted.length > 0 || this.#isComplete;
    agenda.at(agenda.nowNs + costs.sweeperWakeNs + (isUrgent ? 0 : costs.tellDelayNs), () => {
      this.#isTelling = false;
      this.#tellIfHungry();
    });
  }
}

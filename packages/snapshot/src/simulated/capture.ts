import type { Clock } from '../clock.ts';
import type { Capture, CaptureOptions, CaptureStats, CutMark, Slab, UnchangedPages } from '../guest.ts';
import { WAIT_BUCKET_COUNT, waitBucketIndex } from '../wait-histogram.ts';
import type { ChangeLog } from './change-log.ts';
import type { PageAddress, SimulatedMemory } from './memory.ts';
import { Protection } from './protection.ts';
import { onLoan, SimulatedStore } from './store.ts';
import { Waiters } from './waiters.ts';

/** Called before the step of that name; what it throws is what the step throws. Only the asynchronous ones are awaited. */
export type CaptureHook = (step: 'arm' | 'pull' | 'close') => void | Promise<void>;

export interface SimulatedCaptureParts {
  readonly memory: SimulatedMemory;
  readonly changes: ChangeLog;
  readonly clock: Clock;
  readonly options: CaptureOptions;
  readonly before: CaptureHook;
  readonly onArmed: () => void;
}

interface WaitingWriter {
  readonly at: PageAddress;
  readonly readNs: number;
  readonly wake: () => void;
}

const SLAB_MAX_BYTES = 64 * 1024;
const NS_PER_MS = 1_000_000;

/**
 * The engine without threads: what its fault thread does happens inside `fault`, what its sweeper does happens inside `pull`, a slab
 * at a time.
 *
 * Ordering: a page in the store is copied before its writer goes on; a page in inline mode stays armed until its slab is released (I-2).
 */
export class SimulatedCapture implements Capture {
  mark: CutMark | undefined;
  unchanged: readonly UnchangedPages[] | undefined;
  readonly #parts: SimulatedCaptureParts;
  readonly #isInline: boolean;
  readonly #protection: Protection;
  readonly #store: SimulatedStore;
  readonly #waiters: Waiters;
  readonly #writers = new Set<WaitingWriter>();
  readonly #waits = new Float64Array(WAIT_BUCKET_COUNT);
  readonly #numbers = { faultPages: 0, sweptPages: 0, faults: 0, lastFaultReadNs: 0, faultWaitMaxNs: 0 };
  #slabsOnLoan = 0;
  #inlineOnLoan = false;
  #granted = 0;
  #notBeforeNs = 0;
  #grantTimer = new AbortController();
  #failure: Error | undefined;
  #stage: 'open' | 'armed' | 'closed' = 'open';

  constructor(parts: SimulatedCaptureParts) {
    this.#parts = parts;
    this.#isInline = parts.options.preImagesMaxBytes === 0;
    this.#protection = new Protection(parts.memory);
    this.#store = new SimulatedStore({
      ...parts,
      slabMaxBytes: SLAB_MAX_BYTES,
      onRelease: () => this.#onRelease(),
    });
    this.#waiters = new Waiters(parts.clock, () => this.#isReady());
  }

  get pageCount(): number {
    return this.#protection.pageCount;
  }

  get isOpen(): boolean {
    return this.#stage !== 'closed';
  }

  /** Slabs that were pulled and not released. */
  get slabsOnLoan(): number {
    return this.#slabsOnLoan;
  }

  arm(): void {
    void this.#parts.before('arm');
    if (this.#stage !== 'open') throw new Error(`a capture that is ${this.#stage} cannot be armed`);
    const { changes, options } = this.#parts;
    const { changedSince, notesChanges = false } = options;
    this.unchanged = changedSince === undefined ? undefined : changes.unchangedSince(changedSince);
    this.#protection.arm(this.unchanged);
    if (notesChanges) this.mark = changes.begin();
    else changes.end();
    this.#stage = 'armed';
    this.#parts.onArmed();
  }

  /** Whether a write to the page has to fault first. */
  isProtected(at: PageAddress): boolean {
    return this.#stage === 'armed' && this.#failure === undefined && this.#protection.isArmed(at);
  }

  /** A write to a protected page; resolves when the writer may go on. */
  fault(at: PageAddress): Promise<void> {
    const readNs = this.#parts.clock.nowNs();
    this.#numbers.faults += 1;
    this.#numbers.lastFaultReadNs = readNs;
    const released = new Promise<void>((wake) => this.#writers.add({ at, readNs, wake }));
    this.#waiters.fault();
    if (!this.#isInline) this.#serveWriters();
    this.#waiters.poke();
    return released;
  }

  pull(maxSlabs: number): Slab[] {
    void this.#parts.before('pull');
    this.#assertOpen();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#stage !== 'armed' || maxSlabs === 0) return [];
    const slabs = this.#isInline ? this.#pullInline() : this.#pullStored(maxSlabs);
    this.#slabsOnLoan += slabs.length;
    return slabs;
  }

  wait(options?: Parameters<Capture['wait']>[0]): Promise<void> {
    return this.#waiters.wait(options);
  }

  grant(pages: number, notBeforeNs: number): void {
    this.#assertOpen();
    if (this.#stage !== 'armed') throw new Error('a capture that is not armed cannot sweep');
    this.#granted = pages;
    this.#notBeforeNs = notBeforeNs;
    this.#grantTimer.abort('replaced');
    this.#grantTimer = new AbortController();
    const delayNs = notBeforeNs - this.#parts.clock.nowNs();
    if (pages > 0 && delayNs > 0) {
      void this.#parts.clock
        .after(delayNs / NS_PER_MS, this.#grantTimer.signal)
        .then(() => this.#waiters.poke());
    }
    this.#waiters.poke();
  }

  stats(): CaptureStats {
    this.#assertOpen();
    return {
      ...this.#numbers,
      pages: this.pageCount,
      capturedPages: this.#protection.capturedPages,
      faultWait: this.#waits,
      preImageBytes: this.#store.heldBytes,
      preImageBytesMax: this.#store.heldBytesMax,
      spilledBytesMax: this.#store.spilledBytesMax,
      lostPages: 0,
    };
  }

  /** Makes the capture fail, as if the engine had met an error. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wakeEverybody();
  }

  async close(): Promise<void> {
    if (this.#stage !== 'closed') {
      this.#stage = 'closed';
      this.#grantTimer.abort('replaced');
      this.#wakeEverybody();
    }
    await this.#parts.before('close');
  }

  #isReady(): boolean {
    if (this.#failure !== undefined || this.#stage === 'closed') return true;
    if (this.#stage === 'open') return false;
    if (this.#protection.capturedPages === this.pageCount) return true;
    if (this.#isInline) return !this.#inlineOnLoan && (this.#writers.size > 0 || this.#maySweepNow());
    return this.#store.hasFilled || this.#maySweepNow();
  }

  #maySweepNow(): boolean {
    if (this.#granted <= 0 || this.#parts.clock.nowNs() < this.#notBeforeNs) return false;
    const next = this.#protection.nextToSweep();
    return next !== undefined && (this.#isInline || this.#store.hasRoom(next, 'sweep'));
  }

  #pullStored(maxSlabs: number): Slab[] {
    for (let sweptBytes = 0; sweptBytes < SLAB_MAX_BYTES && this.#maySweepNow(); ) {
      const at = this.#protection.nextToSweep()!;
      this.#granted -= 1;
      this.#capture(at, 'sweep');
      sweptBytes += this.#parts.memory.regions[at.region]!.pageSize;
    }
    return this.#store.take(maxSlabs);
  }

  /** The fault thread: captures for the writers that wait, in order, as long as the store has room. */
  #serveWriters(): void {
    for (const { at } of this.#writers) {
      if (!this.#protection.isArmed(at)) continue;
      if (!this.#store.hasRoom(at, 'fault')) {
        if (this.#parts.options.overflow === 'abort') this.fail(new Error('the pre-image store is full'));
        return;
      }
      this.#capture(at, 'fault');
    }
  }

  #capture(at: PageAddress, cause: Slab['cause']): void {
    this.#store.add(at, cause);
    this.#release(at, cause);
  }

  #release(at: PageAddress, cause: Slab['cause']): void {
    this.#protection.release(at);
    if (cause === 'fault') this.#numbers.faultPages += 1;
    else this.#numbers.sweptPages += 1;
    this.#wakeWriters((writer) => writer.at.region === at.region && writer.at.page === at.page);
  }

  #pullInline(): Slab[] {
    if (this.#inlineOnLoan) return [];
    const [writer] = this.#writers;
    if (writer === undefined && !this.#maySweepNow()) return [];
    const cause = writer === undefined ? 'sweep' : 'fault';
    const at = writer?.at ?? this.#protection.nextToSweep()!;
    if (cause === 'sweep') this.#granted -= 1;
    this.#inlineOnLoan = true;
    const isZero = !this.#parts.memory.isTouched(at.region, at.page);
    const bytes = isZero ? new Uint8Array(0) : this.#parts.memory.page(at.region, at.page).slice();
    const runs = [{ kind: isZero ? 'zero' : 'data', firstPage: at.page, pageCount: 1 }] as const;
    const heldSinceNs = this.#parts.clock.nowNs();
    return [
      onLoan({ region: at.region, cause, runs, bytes, heldSinceNs }, () => {
        this.#slabsOnLoan -= 1;
        this.#inlineOnLoan = false;
        if (this.isProtected(at)) this.#release(at, cause);
        this.#waiters.poke();
      }),
    ];
  }

  #assertOpen(): void {
    if (this.#stage === 'closed') throw new Error('the capture is closed');
  }

  #onRelease(): void {
    this.#slabsOnLoan -= 1;
    if (this.#stage === 'armed' && this.#failure === undefined) this.#serveWriters();
    this.#waiters.poke();
  }

  #wakeEverybody(): void {
    this.#protection.disarm();
    this.#wakeWriters(() => true);
    this.#waiters.poke();
  }

  #wakeWriters(isFree: (writer: WaitingWriter) => boolean): void {
    for (const writer of this.#writers) {
      if (!isFree(writer)) continue;
      const waitNs = Math.round(this.#parts.clock.nowNs() - writer.readNs);
      this.#waits[waitBucketIndex(waitNs)]! += 1;
      this.#numbers.faultWaitMaxNs = Math.max(this.#numbers.faultWaitMaxNs, waitNs);
      this.#writers.delete(writer);
      writer.wake();
    }
  }
}

import type { PageStreamEncoder } from '@stillframe/page-stream';
import { Alarm } from './alarm.ts';
import type { Clock } from './clock.ts';
import { attempt, attemptNow, SnapshotError } from './error.ts';
import { type FaultReading, NO_FAULTS, readFaults } from './fault-reading.ts';
import type { Capture, GuestState, Slab } from './guest.ts';
import type { Interruption } from './interruption.ts';
import { NOTHING_TAKEN } from './observer.ts';
import type { Output } from './output.ts';
import type { Pacer } from './pacer.ts';
import { encodeBatch, headBatch, type PageBatch, packBatch, pageCountOf } from './page-batch.ts';
import type { PumpMode } from './pump-mode.ts';
import { heldSince, type SojournMeter } from './sojourn-meter.ts';
import { asEncodingFailure, asPackingFailure } from './stream-failure.ts';
import { WritePipeline } from './write-pipeline.ts';

/** While nothing moves the limiter is asked this often, so that a policy that looks at the clock gets its turn. */
const MAX_ASK_INTERVAL_NS = 100_000_000;

/** A limiter that grants nothing and wants to be asked at once would keep the event loop busy. */
const MIN_ASK_INTERVAL_NS = 1_000_000;

export interface PumpOptions {
  readonly capture: Capture;
  readonly encoder: PageStreamEncoder;
  readonly output: Output;
  readonly pacer: Pacer;
  readonly sojourn: SojournMeter;
  readonly clock: Clock;
  readonly interruption: Interruption;
  readonly mode: PumpMode;
  /** Pages go through the encoder's packer. */
  readonly isPacked: boolean;
}

/**
 * Moves every captured page to the sink, faults first, and steps the limiter after each batch that the sink has taken, and while a write takes long.
 *
 * Never works per page: the smallest unit here is a run.
 */
export class Pump {
  readonly #options: PumpOptions;
  readonly #pipeline: WritePipeline<PageBatch>;
  #pulledPages = 0;
  #takenPages = 0;
  #taken = NOTHING_TAKEN;
  #pulledFaults = NO_FAULTS;
  readonly #alarm: Alarm;

  constructor(options: PumpOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock);
    this.#pipeline = new WritePipeline(options.output, (batch) => this.#onTaken(batch));
  }

  /** Pages that the sink has taken. */
  get takenPages(): number {
    return this.#takenPages;
  }

  /** Nothing more is needed of the capture: what fails there now is no failure of the snapshot. */
  get hasEveryPage(): boolean {
    return this.#pulledPages === this.#options.capture.pageCount;
  }

  /** State first, then pages until all of them are with the sink. */
  async run(state: GuestState): Promise<void> {
    try {
      await this.#run(state);
    } finally {
      this.#alarm.stop();
    }
  }

  async #run(state: GuestState): Promise<void> {
    const { interruption, mode, pacer } = this.#options;
    pacer.step(this.#taken);
    this.#pipeline.push(this.#encodeHead(state));
    for (;;) {
      interruption.check();
      this.#pipeline.check();
      let pulls = true;
      while (pulls && !this.hasEveryPage && this.#pipeline.length < mode.maxBatches) pulls = this.#pull();
      if (this.#pipeline.length === 0 && this.hasEveryPage) return;
      // oxlint-disable-next-line no-await-in-loop -- each turn answers what the last wait brought
      await interruption.race(this.#change());
    }
  }

  /** Gives back all slabs on loan. Only when the sink uses no buffer any more; waits for a packer that is at work. */
  abandon(): Promise<void> {
    return this.#pipeline.abandon();
  }

  /** Sends what is ready on its way; false when nothing was. */
  #pull(): boolean {
    const { capture, clock, mode } = this.#options;
    const pulledNs = clock.nowNs();
    const slabs = attemptNow('capture-failed', 'capture.pull', () => capture.pull(mode.maxSlabs));
    if (slabs.length === 0) return false;
    if (!mode.isInline) this.#pulledFaults = readFaults(capture, this.#pulledFaults);
    if (this.#options.isPacked) this.#packAll(slabs, pulledNs);
    else this.#push(this.#encode(slabs, pulledNs));
    if (this.#pulledPages > capture.pageCount) {
      const operands = { pages: this.#pulledPages, pageCount: capture.pageCount };
      throw new SnapshotError('capture-failed', 'the capture gave more pages than the guest has', {
        operands,
      });
    }
    return true;
  }

  #push(batch: PageBatch): void {
    if (batch.heldSince !== undefined) this.#options.sojourn.pulled(batch.heldSince);
    this.#pulledPages += batch.pages;
    this.#pipeline.push(batch);
  }

  /** A slab of several regions comes as several: more than were asked for. */
  #packAll(slabs: readonly Slab[], pulledNs: number): void {
    const { maxSlabs } = this.#options.mode;
    for (let at = 0; at < slabs.length; at += maxSlabs) this.#pack(slabs.slice(at, at + maxSlabs), pulledNs);
  }

  #pack(slabs: readonly Slab[], pulledNs: number): void {
    const { clock, encoder, mode, output, sojourn } = this.#options;
    const held = heldSince(slabs)!;
    sojourn.pulled(held);
    for (const slab of slabs) {
      this.#pulledPages += pageCountOf(slab);
      output.meter.handed(0, slab.bytes.byteLength);
    }
    const packing = packBatch(encoder, slabs, {
      pulledNs,
      faults: this.#pulledFaults,
      held,
      keepsSlabs: mode.isInline,
      onReleased: () => sojourn.released(held, clock.nowNs()),
    });
    this.#pipeline.pushLater(
      packing.catch((error: unknown) => {
        throw asPackingFailure(error);
      }),
    );
  }

  /** The state, and the pages that are known to be as in the parent. */
  #encodeHead(state: GuestState): PageBatch {
    const { capture, encoder } = this.#options;
    try {
      const iovecs = encoder.state(state);
      for (const { region, spans } of capture.unchanged ?? []) {
        if (spans.length > 0) iovecs.push(...encoder.inheritPages(region, spans));
      }
      return headBatch(iovecs, NO_FAULTS);
    } catch (error) {
      throw asEncodingFailure(error, 'guest-failed', 'encode the state');
    }
  }

  /** What cannot be encoded is given back at once: no batch holds it. */
  #encode(slabs: readonly Slab[], pulledNs: number): PageBatch {
    try {
      return encodeBatch(this.#options.encoder, slabs, pulledNs, this.#pulledFaults);
    } catch (error) {
      for (const slab of slabs) slab.release();
      throw asEncodingFailure(error, 'capture-failed', 'encode pages');
    }
  }

  /** Until the sink has taken a batch, there may be something to pull, or the limiter wants to be asked. */
  async #change(): Promise<void> {
    const { clock, interruption, mode } = this.#options;
    // Inline nothing is swept during a write, so there is nothing to limit.
    if (mode.isInline && this.#pipeline.length > 0) return this.#pipeline.next;
    if (this.hasEveryPage) return this.#pipeline.next;
    const untilNs = this.#askAgainNs();
    if (this.#pipeline.length === 0) {
      await this.#wait(untilNs, interruption.signal);
      if (clock.nowNs() >= untilNs) this.#stepIfNothingMoves();
      return;
    }
    const writing = this.#pipeline.next;
    if (this.#pipeline.length >= mode.maxBatches) {
      await Promise.race([this.#alarm.rings(untilNs), writing]);
    } else {
      const scope = interruption.scope();
      try {
        await Promise.race([this.#wait(untilNs, scope.signal), writing]);
      } finally {
        scope.end();
      }
    }
    // The sweep goes on while a write stalls: the limiter hears of the stall before it is over.
    const isStalled = clock.nowNs() >= untilNs && this.#pipeline.next === writing;
    if (isStalled && !interruption.isInterrupted) this.#options.pacer.step(this.#taken);
  }

  #wait(untilNs: number, signal: AbortSignal): Promise<void> {
    const { capture, pacer } = this.#options;
    const { wakeOnFault } = pacer.grant;
    return attempt('capture-failed', 'capture.wait', () => capture.wait({ untilNs, wakeOnFault, signal }));
  }

  #askAgainNs(): number {
    const nowNs = this.#options.clock.nowNs();
    const { grant, steppedNs, pagesAreLeft } = this.#options.pacer;
    const latestNs = steppedNs + MAX_ASK_INTERVAL_NS;
    // With pages granted the sweep itself waits for notBeforeNs; with none left there is nothing to be granted.
    const wantedNs = grant.pages > 0 || !pagesAreLeft ? latestNs : Math.min(latestNs, grant.notBeforeNs);
    return Math.max(wantedNs, nowNs + MIN_ASK_INTERVAL_NS);
  }

  /** A new grant would come on top of pages that were swept under the old one and are not accounted yet. */
  #stepIfNothingMoves(): void {
    const { capture, pacer } = this.#options;
    if (capture.stats().sweptPages === this.#taken.sweptPages) pacer.step(this.#taken);
  }

  #onTaken(batch: PageBatch): void {
    if (batch.heldSince !== undefined)
      this.#options.sojourn.released(batch.heldSince, this.#options.clock.nowNs());
    if (batch.pages === 0) return;
    this.#takenPages += batch.pages;
    this.#taken = {
      sweptPages: this.#taken.sweptPages + batch.pages - batch.faultPages,
      faults: this.#options.mode.isInline ? this.#readInline(batch) : batch.faults,
    };
    this.#options.pacer.step(this.#taken);
  }

  /** One fault a page, read when it was pulled, its wait over now: what the seed's single thread sees. */
  #readInline(batch: PageBatch): FaultReading {
    const seen = this.#taken.faults;
    if (batch.faultPages === 0) return seen;
    const { waits, waitCount } = readFaults(this.#options.capture, seen);
    return { faults: seen.faults + 1, lastFaultReadNs: batch.pulledNs, waits, waitCount };
  }
}

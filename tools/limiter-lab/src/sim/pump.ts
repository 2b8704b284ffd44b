import type { TimelineRecorder } from '../timeline.ts';
import type { SinkModel } from '../sink-shape.ts';
import type { SimulatedCapture } from './capture.ts';
import type { Costs } from './costs.ts';
import {
  type FaultReading,
  type HeldSince,
  NO_FAULTS,
  NOTHING_TAKEN,
  type Pacer,
  type PumpMode,
  readFaults,
  type SinkMeter,
  type SojournMeter,
  type Taken,
} from './engine.ts';
import type { Script } from './script.ts';
import type { Slab } from './store.ts';

/** As in packages/snapshot/src/pump.ts. */
const MAX_ASK_INTERVAL_NS = 100_000_000;
const MIN_ASK_INTERVAL_NS = 1_000_000;

interface Batch {
  readonly slabs: readonly Slab[];
  readonly pages: number;
  readonly faultPages: number;
  readonly pulledNs: number;
  readonly faults: FaultReading;
  readonly heldSince: HeldSince;
}

export interface PumpParts {
  readonly capture: SimulatedCapture;
  readonly engine: Parameters<typeof readFaults>[0];
  readonly script: Script;
  readonly costs: Costs;
  readonly mode: PumpMode;
  readonly pacer: Pacer;
  readonly meter: SinkMeter;
  readonly sojourn: SojournMeter;
  readonly sink: SinkModel;
  readonly timeline: TimelineRecorder;
  readonly pageCount: number;
  readonly onEnd: () => void;
}

/** packages/snapshot/src/pump.ts and write-pipeline.ts as a state machine, so that virtual time can stand still while they work. */
export class SimulatedPump {
  readonly #parts: PumpParts;
  readonly #batches: Batch[] = [];
  #isWriting = false;
  #pulledPages = 0;
  #pulledFaults = NO_FAULTS;
  #taken: Taken = NOTHING_TAKEN;
  #takenPages = 0;
  /** Changes with everything that ends a wait, so that a timer knows whether it is still wanted. */
  #wait = 0;

  constructor(parts: PumpParts) {
    this.#parts = parts;
  }

  get takenPages(): number {
    return this.#takenPages;
  }

  start(): void {
    const { script, pacer } = this.#parts;
    script.at(0, () => {
      pacer.step(this.#taken);
      this.#turn();
    });
  }

  /** The capture has something. */
  readonly told = (): void => {
    const { script } = this.#parts;
    script.wake(script.clock.nowNs(), () => this.#turn());
  };

  #turn(): void {
    const { costs, mode, onEnd, pageCount, script } = this.#parts;
    this.#wait += 1;
    script.work(costs.turnNs);
    while (this.#pulledPages < pageCount && this.#batches.length < mode.maxBatches) {
      if (!this.#pull()) break;
    }
    if (this.#batches.length > 0) return this.#waitForChange();
    if (this.#pulledPages === pageCount) return onEnd();
    this.#waitForChange();
  }

  #pull(): boolean {
    const { capture, costs, engine, meter, mode, script, sojourn } = this.#parts;
    const pulledNs = script.clock.nowNs();
    const slabs = capture.pull(mode.maxSlabs);
    if (slabs.length === 0) return false;
    if (!mode.isInline) this.#pulledFaults = readFaults(engine, this.#pulledFaults);
    let pages = 0;
    let faultPages = 0;
    for (const slab of slabs) {
      pages += slab.pages;
      if (slab.cause === 'fault') faultPages += slab.pages;
    }
    script.work(slabs.length * costs.encodeSlabNs + pages * costs.encodePageNs);
    const since = heldSince(slabs);
    sojourn.pulled(since);
    this.#pulledPages += pages;
    meter.handed(pages * costs.pageBytes);
    this.#batches.push({ slabs, pages, faultPages, pulledNs, faults: this.#pulledFaults, heldSince: since });
    if (!this.#isWriting) this.#write();
    return true;
  }

  #write(): void {
    const { costs, meter, script, sink, timeline } = this.#parts;
    const batch = this.#batches[0];
    this.#isWriting = batch !== undefined;
    if (batch === undefined) return;
    script.work(costs.writeCallNs);
    const startNs = script.clock.nowNs();
    const bytes = batch.pages * costs.pageBytes;
    meter.started();
    const endNs = this.#timed(startNs, sink.writeEndNs(startNs, bytes));
    const taken = (): void => {
      timeline.addSpan('takenBytes', startNs, endNs, bytes);
      timeline.addSpan('sinkNs', startNs, endNs, endNs - startNs);
      this.#onWritten(batch, bytes);
    };
    script.at(endNs, taken);
  }

  /** Timers are coarse: a short wait is left out, a longer one ends late. */
  #timed(startNs: number, endNs: number): number {
    const { sinkTimerNs } = this.#parts.costs;
    const waitNs = endNs - startNs;
    return waitNs < sinkTimerNs / 2 ? startNs : startNs + Math.ceil(waitNs / sinkTimerNs) * sinkTimerNs;
  }

  #onWritten(batch: Batch, bytes: number): void {
    const { capture, meter, mode, pacer, script, sojourn } = this.#parts;
    meter.finished(bytes);
    this.#batches.shift();
    for (const slab of batch.slabs) capture.release(slab);
    sojourn.released(batch.heldSince, script.clock.nowNs());
    this.#takenPages += batch.pages;
    this.#taken = {
      sweptPages: this.#taken.sweptPages + batch.pages - batch.faultPages,
      faults: mode.isInline ? this.#readInline(batch) : batch.faults,
    };
    pacer.step(this.#taken);
    this.#write();
    this.#turn();
  }

  #readInline(batch: Batch): FaultReading {
    const seen = this.#taken.faults;
    if (batch.faultPages === 0) return seen;
    const { waits, waitCount } = readFaults(this.#parts.engine, seen);
    return { faults: seen.faults + 1, lastFaultReadNs: batch.pulledNs, waits, waitCount };
  }

  #waitForChange(): void {
    const { capture, mode, pageCount, script } = this.#parts;
    if (this.#pulledPages === pageCount || (mode.isInline && this.#batches.length > 0)) return;
    const mayPull = this.#batches.length < mode.maxBatches;
    if (mayPull && capture.readyOrTell()) {
      script.at(script.clock.nowNs(), () => this.#turn());
      return;
    }
    const wait = this.#wait;
    const writing = this.#batches[0];
    script.at(this.#askAgainNs(), () => {
      if (wait !== this.#wait) return;
      this.#askAgain(writing);
      this.#turn();
    });
  }

  #askAgain(writing: Batch | undefined): void {
    const { engine, pacer } = this.#parts;
    if (writing !== undefined) return pacer.step(this.#taken);
    // A new grant would come on top of pages that were swept under the old one and are not accounted yet.
    if (engine.stats().sweptPages === this.#taken.sweptPages) pacer.step(this.#taken);
  }

  #askAgainNs(): number {
    const { pacer, script } = this.#parts;
    const { grant, steppedNs } = pacer;
    const latestNs = steppedNs + MAX_ASK_INTERVAL_NS;
    const wantedNs = grant.pages > 0 ? latestNs : Math.min(latestNs, grant.notBeforeNs);
    return Math.max(wantedNs, script.clock.nowNs() + MIN_ASK_INTERVAL_NS);
  }
}

function heldSince(slabs: readonly Slab[]): HeldSince {
  const since = slabs.map(({ heldSinceNs }) => heldSinceNs);
  return { oldestNs: Math.min(...since), newestNs: Math.max(...since) };
}

import type { Limiter } from '@stillframe/limiter';
import { makeCut } from './cut.ts';
import { ImageEncoder } from './image-encoder.ts';
import { asSnapshotError, attempt, attemptNow, type FailedCleanup, SnapshotError } from './error.ts';
import type { SnapshotEvent, SnapshotPhase, SnapshotProgress, SnapshotSummary } from './event.ts';
import { EventHub } from './event-hub.ts';
import type { Capture } from './guest.ts';
import { Interruption } from './interruption.ts';
import { Observer } from './observer.ts';
import { Output } from './output.ts';
import { Pacer } from './pacer.ts';
import { Pump } from './pump.ts';
import { pumpMode } from './pump-mode.ts';
import { SinkMeter } from './sink-meter.ts';
import { SnapshotNumbers } from './snapshot-numbers.ts';
import { SojournMeter } from './sojourn-meter.ts';
import { Standstill } from './standstill.ts';
import type { ResolvedSnapshotOptions } from './take-snapshot.ts';
import { startTicker } from './ticker.ts';

const NS_PER_MS = 1_000_000;

/** One snapshot: what happens in which order, and what is undone when it fails. */
export class SnapshotJob {
  readonly events = new EventHub<SnapshotEvent>(['progress', 'limiter']);
  readonly #options: ResolvedSnapshotOptions;
  readonly #image: ImageEncoder;
  readonly #output: Output;
  readonly #standstill: Standstill;
  readonly #numbers: SnapshotNumbers;
  readonly #interruption: Interruption;
  #limiter: Limiter;
  #isHeld = false;
  #pacer: Pacer | undefined;
  #pump: Pump | undefined;
  /** Set while it has to be closed, which happens once. */
  #capture: Capture | undefined;

  constructor(options: ResolvedSnapshotOptions) {
    const { guest, clock } = options;
    this.#options = options;
    this.#limiter = options.limiter;
    this.#output = new Output(options.sink, new SinkMeter(clock));
    this.#standstill = new Standstill(guest);
    this.#image = new ImageEncoder(options);
    this.#numbers = new SnapshotNumbers(clock, this.#output.meter, this.#image);
    this.#interruption = new Interruption('the snapshot');
    if (guest.regionsAtCut !== true) this.#image.begin(guest.regions);
  }

  async run(signal: AbortSignal): Promise<SnapshotSummary> {
    const { clock, progressIntervalMs } = this.#options;
    const ticker = startTicker(clock, progressIntervalMs, () => this.#tick());
    const forget = this.#interruption.follow(signal);
    try {
      return await this.#stream();
    } catch (error) {
      throw await this.#leave(error);
    } finally {
      forget();
      await ticker.stop();
    }
  }

  progress(): SnapshotProgress {
    return this.#numbers.progress();
  }

  useLimiter(limiter: Limiter): void {
    // Before the sweep the new one is the one to begin with; after it there is nothing to limit.
    if (this.#capture !== undefined) this.#pacer?.useLimiter(limiter);
    this.#limiter = limiter;
  }

  holdSweep(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (this.#capture !== undefined) this.#pacer?.hold(isHeld);
  }

  async #stream(): Promise<SnapshotSummary> {
    const { guest, clock, capture: captureOptions } = this.#options;
    this.#enter('prepare', clock.nowNs());
    if (this.#image.isBegun) await this.#output.send(this.#image.head(), this.#interruption);
    const capture = await attempt('guest-failed', 'guest.open', () => guest.open(captureOptions));
    this.#capture = capture;
    this.#interruption.check();
    const cut = await makeCut(guest, capture, this.#standstill, clock, this.#interruption);
    for (const { phase, atNs } of cut.phases) this.#enter(phase, atNs);
    this.#enter('stream', clock.nowNs());
    if (!this.#image.isBegun) {
      this.#image.begin(guest.regions);
      await this.#output.send(this.#image.head(), this.#interruption);
    }
    this.#image.expectInherits(capture);
    const pump = this.#startPump(capture);
    await pump.run(cut.state);
    this.#reportProgress();
    this.#enter('disarm', clock.nowNs());
    await this.#closeCapture();
    this.#enter('end', clock.nowNs());
    const tail = attemptNow('capture-failed', 'encode the end', () => this.#image.encoder.end());
    await this.#output.send(tail, this.#interruption);
    await this.#output.end(this.#interruption);
    return this.#numbers.summary(cut.pause, capture.mark);
  }

  #startPump(capture: Capture): Pump {
    const { clock, capture: captureOptions, chunks, packedSlabs, onLimiterStep } = this.#options;
    const { encoder, isPacked } = this.#image;
    const packing = { slabsUnderWay: packedSlabs, buffers: chunks?.packer?.buffers };
    const mode = pumpMode(captureOptions, isPacked ? packing : undefined);
    const sojourn = new SojournMeter();
    const pacer = new Pacer({
      capture,
      observer: this.#observer(capture, sojourn),
      limiter: this.#limiter,
      clock,
      isHeld: this.#isHeld,
      grantMaxPages: mode.grantMaxPages,
      onChange: (limiter, grant) => {
        this.events.emit({ type: 'limiter', atNs: clock.nowNs(), limiter, grant });
      },
      ...(onLimiterStep === undefined ? {} : { onStep: onLimiterStep }),
    });
    const output = this.#output;
    const interruption = this.#interruption;
    const pump = new Pump({ capture, encoder, isPacked, output, pacer, sojourn, clock, interruption, mode });
    this.#pacer = pacer;
    this.#pump = pump;
    this.#numbers.follow(capture, pump, pacer);
    return pump;
  }

  #observer(capture: Capture, sojourn: SojournMeter): Observer {
    const { guest, clock, capture: captureOptions, deadlineMs } = this.#options;
    return new Observer({
      capture,
      meter: this.#output.meter,
      sojourn,
      clock,
      totalBytes: guest.regions.reduce((sum, region) => sum + region.sizeBytes, 0),
      preImagesMaxBytes: captureOptions.preImagesMaxBytes,
      ...(deadlineMs === undefined ? {} : { deadlineNs: clock.nowNs() + deadlineMs * NS_PER_MS }),
    });
  }

  /** Undoes everything, the guest first, and gives the failure that the run ends with. */
  async #leave(cause: unknown): Promise<unknown> {
    const failed: FailedCleanup[] = [];
    const cleanUp = (step: string, run: () => void | Promise<void>) =>
      attempt('capture-failed', step, run).catch((error: unknown) => failed.push({ step, error }));
    await cleanUp('capture.close', () => this.#closeCapture());
    // What kept the guest from resuming may have been the protection, which is gone now.
    if (this.#standstill.mayBePaused) await cleanUp('guest.resume', () => this.#standstill.resume());
    await cleanUp('sink.abort', () => this.#output.abort(cause));
    await cleanUp('slab.release', () => this.#pump?.abandon());
    const failure = this.#standstill.mayBePaused ? leftPaused(cause) : cause;
    if (failure instanceof SnapshotError) failure.failedCleanups.push(...failed);
    return failure;
  }

  async #closeCapture(): Promise<void> {
    const capture = this.#capture;
    this.#capture = undefined;
    if (capture === undefined) return;
    await attempt('capture-failed', 'capture.close', async () => {
      try {
        this.#numbers.readLast();
      } finally {
        await capture.close();
      }
    });
  }

  #enter(phase: SnapshotPhase, atNs: number): void {
    this.#numbers.enter(phase, atNs);
    this.events.emit({ type: 'phase', phase, atNs });
  }

  #tick(): void {
    if (this.#standstill.mayBePaused) return;
    this.#probeCapture();
    this.#reportProgress();
  }

  /** A sink that hangs would hide that the capture has failed: its store may be full because of that very sink. */
  #probeCapture(): void {
    if (this.#pump === undefined || this.#pump.hasEveryPage) return;
    try {
      this.#capture?.pull(0);
    } catch (error) {
      this.#interruption.interrupt(asSnapshotError(error, 'capture-failed', 'capture.pull'));
    }
  }

  #reportProgress(): void {
    if (!this.events.hasReaders) return;
    const atNs = this.#options.clock.nowNs();
    this.events.emit({ type: 'progress', atNs, progress: this.#numbers.progress() });
  }
}

function leftPaused(cause: unknown): SnapshotError {
  return new SnapshotError('guest-left-paused', 'the guest could not be resumed and may stand still', {
    cause,
  });
}

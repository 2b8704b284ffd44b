import { formatDigest } from '@stillframe/page-stream';
import type { Clock } from './clock.ts';
import type { LimiterNumbers, PauseMs, SnapshotPhase, SnapshotProgress, SnapshotSummary } from './event.ts';
import type { Capture, CaptureStats, CutMark } from './guest.ts';
import type { ImageEncoder } from './image-encoder.ts';
import type { Pacer } from './pacer.ts';
import type { Pump } from './pump.ts';
import type { SinkMeter } from './sink-meter.ts';
import { NO_STATS, stallUs } from './stall.ts';

const NS_PER_MS = 1_000_000;

/** The numbers of one snapshot, at any moment of it. */
export class SnapshotNumbers {
  #phase: SnapshotPhase = 'prepare';
  readonly #beganNs = new Map<SnapshotPhase, number>();
  readonly #clock: Clock;
  readonly #meter: SinkMeter;
  readonly #image: ImageEncoder;
  readonly #startNs: number;
  #pump: Pump | undefined;
  #pacer: Pacer | undefined;
  #readStats: () => CaptureStats = () => NO_STATS;

  constructor(clock: Clock, meter: SinkMeter, image: ImageEncoder) {
    this.#image = image;
    this.#clock = clock;
    this.#meter = meter;
    this.#startNs = clock.nowNs();
  }

  follow(capture: Capture, pump: Pump, pacer: Pacer): void {
    this.#pump = pump;
    this.#pacer = pacer;
    this.#readStats = () => capture.stats();
  }

  /** Keeps what the capture says now: it is about to be closed. */
  readLast(): void {
    const stats = this.#readStats();
    const last = { ...stats, faultWait: stats.faultWait.slice() };
    this.#readStats = () => last;
  }

  progress(): SnapshotProgress {
    const stats = this.#readStats();
    return {
      phase: this.#phase,
      elapsedMs: this.#elapsedMs(),
      pages: stats.pages,
      capturedPages: stats.capturedPages,
      takenPages: this.#pump?.takenPages ?? 0,
      takenBytes: this.#meter.takenBytes,
      faults: stats.faults,
      faultPages: stats.faultPages,
      sweptPages: stats.sweptPages,
      stallUs: stallUs(stats),
      preImageBytes: stats.preImageBytes,
      packing: this.#image.numbers,
      limiter: this.#limiterNumbers(),
      sink: this.#meter.numbers(),
    };
  }

  /** Takes the time of a phase that begins. */
  enter(phase: SnapshotPhase, atNs: number): void {
    this.#phase = phase;
    this.#beganNs.set(phase, atNs);
  }

  summary(pause: PauseMs, mark: CutMark | undefined): SnapshotSummary {
    const { totals } = this.#image.encoder;
    const stats = this.#readStats();
    return {
      pages: totals.pages,
      zeroPages: totals.zeroPages,
      bytes: this.#meter.takenBytes,
      digest: formatDigest(totals.digest),
      durationMs: this.#elapsedMs(),
      prepareMs: this.#betweenMs('prepare', 'pause'),
      pauseMs: pause.totalMs,
      pause,
      streamMs: this.#betweenMs('stream', 'disarm'),
      faults: stats.faults,
      faultPages: stats.faultPages,
      sweptPages: stats.sweptPages,
      stallUs: stallUs(stats),
      faultWaitCounts: stats.faultWait,
      preImageBytesMax: stats.preImageBytesMax,
      spilledBytesMax: stats.spilledBytesMax,
      lostPages: stats.lostPages,
      packing: this.#image.numbers,
      limiter: this.#limiterNumbers(),
      sink: this.#meter.numbers(),
      ...(mark === undefined ? {} : { mark }),
    };
  }

  #limiterNumbers(): LimiterNumbers {
    return this.#pacer?.numbers ?? { name: '', steps: 0, heldMs: 0, reason: '', isHeld: false };
  }

  #betweenMs(from: SnapshotPhase, to: SnapshotPhase): number {
    return ((this.#beganNs.get(to) ?? 0) - (this.#beganNs.get(from) ?? 0)) / NS_PER_MS;
  }

  #elapsedMs(): number {
    return (this.#clock.nowNs() - this.#startNs) / NS_PER_MS;
  }
}

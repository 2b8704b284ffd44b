import type { SinkLevel } from '@stillframe/limiter';
import type { Clock } from './clock.ts';
import type { SinkNumbers } from './event.ts';
import { RateWindow } from './rate-window.ts';

/** Long enough to smooth single writes, short enough to see a sink slow down. */
const DRAIN_WINDOW_NS = 1_000_000_000;
const NS_PER_MS = 1_000_000;

/**
 * Measures every write: the head, the state, pages and END. One write is going on at a time.
 *
 * The drain rate spreads the bytes of a write over the time it took; those of the write that is going on are not in it, so a stall shows as
 * a rate that falls.
 *
 * Two counts: bytes of the stream for people, and for the limiter bytes of memory, which is what it grants. They are the same unless pages are packed.
 */
export class SinkMeter {
  readonly #clock: Clock;
  readonly #drain: RateWindow;
  readonly #memoryDrain: RateWindow;
  #writes = 0;
  #takenBytes = 0;
  #handedBytes = 0;
  #takenMemoryBytes = 0;
  #handedMemoryBytes = 0;
  #longestNs = 0;
  #longestSinceStepNs = 0;
  #startedNs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#drain = new RateWindow(clock.nowNs(), DRAIN_WINDOW_NS);
    this.#memoryDrain = new RateWindow(clock.nowNs(), DRAIN_WINDOW_NS);
  }

  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** `bytes` wait for their turn. */
  handed(bytes: number, memoryBytes: number = bytes): void {
    this.#handedBytes += bytes;
    this.#handedMemoryBytes += memoryBytes;
  }

  started(): void {
    this.#startedNs = this.#clock.nowNs();
  }

  finished(bytes: number, memoryBytes: number = bytes): void {
    const nowNs = this.#clock.nowNs();
    const startedNs = this.#startedNs ?? nowNs;
    const durationNs = nowNs - startedNs;
    this.#startedNs = undefined;
    this.#writes += 1;
    this.#takenBytes += bytes;
    this.#takenMemoryBytes += memoryBytes;
    this.#drain.add(nowNs, bytes, startedNs);
    this.#memoryDrain.add(nowNs, memoryBytes, startedNs);
    this.#longestNs = Math.max(this.#longestNs, durationNs);
    this.#longestSinceStepNs = Math.max(this.#longestSinceStepNs, durationNs);
  }

  /** For the limiter; begins a new interval of `longestWriteNs`. */
  level(nowNs: number = this.#clock.nowNs()): SinkLevel {
    const longestWriteNs = Math.max(this.#longestSinceStepNs, this.#goingOnNs(nowNs));
    this.#longestSinceStepNs = 0;
    return {
      longestWriteNs,
      backlogBytes: this.#handedMemoryBytes - this.#takenMemoryBytes,
      drainBytesPerSecond: this.#memoryDrain.perSecond(nowNs),
    };
  }

  numbers(): SinkNumbers {
    const nowNs = this.#clock.nowNs();
    return {
      writes: this.#writes,
      longestWriteMs: Math.max(this.#longestNs, this.#goingOnNs(nowNs)) / NS_PER_MS,
      backlogBytes: this.#handedBytes - this.#takenBytes,
      drainBytesPerSecond: this.#drain.perSecond(nowNs),
    };
  }

  #goingOnNs(nowNs: number): number {
    return this.#startedNs === undefined ? 0 : nowNs - this.#startedNs;
  }
}

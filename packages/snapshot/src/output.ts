import { attempt, SnapshotError } from './error.ts';
import type { Interruption } from './interruption.ts';
import type { Sink } from './sink.ts';
import type { SinkMeter } from './sink-meter.ts';

/** A sink, with every write measured and every failure typed. */
export class Output {
  readonly meter: SinkMeter;
  readonly #sink: Sink;

  constructor(sink: Sink, meter: SinkMeter) {
    this.#sink = sink;
    this.meter = meter;
  }

  /** One vectored write of `bytes` bytes, of which `meter.handed` knows already. */
  async write(iovecs: readonly Uint8Array[], bytes: number, memoryBytes: number = bytes): Promise<void> {
    this.meter.started();
    await attempt('sink-failed', 'sink.write', () => this.#sink.write(iovecs));
    this.meter.finished(bytes, memoryBytes);
  }

  /** A write with nothing before and nothing behind it in line. */
  async send(iovecs: readonly Uint8Array[], interruption: Interruption): Promise<void> {
    const bytes = byteLength(iovecs);
    this.meter.handed(bytes);
    await interruption.race(this.write(iovecs, bytes));
  }

  /**
   * Completes the image. An interruption aborts the sink, but then the sink decides: when `end` resolves all the same, the image is
   * complete and the interruption came too late.
   */
  async end(interruption: Interruption): Promise<void> {
    const ending = attempt('sink-failed', 'sink.end', () => this.#sink.end());
    try {
      await interruption.race(ending);
    } catch (error) {
      if (!interruption.isInterrupted) throw error;
      await this.abort(error);
      await ending.catch((late: unknown) => {
        // A sink that knows more about how it ended says so with a code of its own.
        throw late instanceof SnapshotError && late.code !== 'sink-failed' ? late : error;
      });
    }
  }

  async abort(reason: unknown): Promise<void> {
    await attempt('sink-failed', 'sink.abort', () => this.#sink.abort(reason));
  }
}

export function byteLength(iovecs: readonly Uint8Array[]): number {
  return iovecs.reduce((sum, iovec) => sum + iovec.byteLength, 0);
}

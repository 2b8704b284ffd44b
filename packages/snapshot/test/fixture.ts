import { none } from '@stillframe/limiter';
import { expect } from 'vitest';
import type { CaptureOptions, Sink, SnapshotOptions } from '../src/index.ts';
import { memorySink, receiveStream, SnapshotError, sourceOf } from '../src/index.ts';
import {
  SimulatedGuest,
  type SimulatedGuestOptions,
  SimulatedTarget,
  simulatedClock,
} from '../src/simulated/index.ts';

export const INLINE: CaptureOptions = { preImagesMaxBytes: 0, overflow: 'stall' };
export const SMALL: CaptureOptions = { preImagesMaxBytes: 4 * 4096, overflow: 'stall' };
export const SPILL: CaptureOptions = { preImagesMaxBytes: 4 * 4096, overflow: 'spill' };
export const ROOMY: CaptureOptions = { preImagesMaxBytes: 2 ** 24, overflow: 'stall' };

export const captureModes = { INLINE, SMALL, SPILL, ROOMY } as const;

export const STREAM_ID = new Uint8Array(16).fill(7);

/** A guest of 12 pages in two regions, 3 of them never touched, on a clock that moves by itself. */
export function smallGuest(options: Partial<SimulatedGuestOptions> = {}) {
  const clock = simulatedClock({ autoAdvance: true });
  const guest = new SimulatedGuest({
    clock,
    regions: [{ pageCount: 7 }, { pageCount: 5, touchedPages: 2 }],
    ...options,
  });
  return { clock, guest };
}

export function snapshotOptions(
  guest: SimulatedGuest,
  sink: Sink,
  more: Partial<SnapshotOptions> & Pick<SnapshotOptions, 'clock'>,
): SnapshotOptions {
  return { guest, sink, limiter: none(), capture: ROOMY, streamId: STREAM_ID, ...more };
}

/** The pages of a complete image. */
export async function restored(image: Uint8Array | undefined): Promise<SimulatedTarget> {
  expect(image).toBeDefined();
  const target = new SimulatedTarget();
  await receiveStream({ source: sourceOf([image!]), target, clock: simulatedClock({ autoAdvance: true }) })
    .result;
  return target;
}

/** Much quicker than toEqual, and as exact. */
export function expectSameMemory(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  expect(actual.map((bytes) => bytes.byteLength)).toEqual(expected.map((bytes) => bytes.byteLength));
  for (const [region, bytes] of actual.entries()) {
    expect(Buffer.compare(bytes, expected[region]!), `region ${region}`).toBe(0);
  }
}

/** The guest runs, nothing is armed, and the next snapshot shows it. */
export async function expectUnharmed(guest: SimulatedGuest): Promise<void> {
  expect(guest.isPaused).toBe(false);
  expect(guest.capture?.isOpen ?? false).toBe(false);
  expect(guest.capture?.slabsOnLoan ?? 0).toBe(0);
  for (const { id, sizeBytes, pageSize } of guest.regions) {
    for (let page = 0; page < sizeBytes / pageSize; page++) {
      // oxlint-disable-next-line no-await-in-loop -- a write that hangs should name its page
      await guest.write(id, page, new Uint8Array([id, page, 0xaa]));
    }
  }
}

/** The SnapshotError that `promise` rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<SnapshotError> {
  const failure = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(SnapshotError);
  return failure as SnapshotError;
}

/** A memory sink that can be told to misbehave, and that notes what is asked of it. */
export class TestSink implements Sink {
  readonly calls: string[] = [];
  /** Called at each write, with its number, before it is taken; what it throws is what the write throws. */
  onWrite: (index: number) => void | Promise<void> = () => {};
  onEnd: () => void | Promise<void> = () => {};
  onAbort: () => void | Promise<void> = () => {};
  writes = 0;
  readonly writeSizes: number[] = [];
  readonly #memory = memorySink({ maxBytes: 2 ** 26 });
  #pending = 0;
  #abort: () => void = () => {};
  readonly #aborted = new Promise<void>((resolve) => {
    this.#abort = resolve;
  });

  async write(iovecs: readonly Uint8Array[]): Promise<void> {
    expect(this.#pending, 'writes at the same time').toBe(0);
    this.#pending += 1;
    this.calls.push('write');
    try {
      await Promise.race([this.onWrite(this.writes++), this.#whenAborted()]);
      this.writeSizes.push(iovecs.reduce((sum, iovec) => sum + iovec.byteLength, 0));
      await this.#memory.write(iovecs);
    } finally {
      this.#pending -= 1;
    }
  }

  async end(): Promise<void> {
    expect(this.#pending, 'writes at the end').toBe(0);
    this.calls.push('end');
    await Promise.race([this.onEnd(), this.#whenAborted()]);
    await this.#memory.end();
  }

  async abort(reason: unknown): Promise<void> {
    this.calls.push('abort');
    await this.onAbort();
    this.#abort();
    await this.#memory.abort(reason);
  }

  image(): Uint8Array | undefined {
    return this.#memory.image();
  }

  async #whenAborted(): Promise<never> {
    await this.#aborted;
    throw new Error('the sink was aborted');
  }
}

/** Never resolves. */
export function hang(): Promise<never> {
  return new Promise(() => {});
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

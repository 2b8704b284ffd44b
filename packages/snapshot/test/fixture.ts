import { none } from '@stillframe/limiter';
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
  if (image === undefined) throw new TypeError('there is no image');
  const target = new SimulatedTarget();
  await receiveStream({ source: sourceOf([image]), target, clock: simulatedClock({ autoAdvance: true }) })
    .result;
  return target;
}

/** Where two memories differ; empty when they do not. Much quicker than toEqual. */
export function memoryDifference(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): string {
  if (actual.length !== expected.length) return `${actual.length} regions, expected ${expected.length}`;
  const region = actual.findIndex((bytes, at) => Buffer.compare(bytes, expected[at]!) !== 0);
  return region < 0 ? '' : `region ${region}`;
}

/** What a snapshot has done to its guest that it should not have; empty when the guest runs, unarmed, and can be written to. */
export async function harmTo(guest: SimulatedGuest): Promise<string[]> {
  const harm: string[] = [];
  if (guest.isPaused) harm.push('the guest is paused');
  if (guest.capture?.isOpen === true) harm.push('the capture is open');
  if ((guest.capture?.slabsOnLoan ?? 0) > 0) harm.push('slabs are on loan');
  const writes = guest.regions.flatMap(({ id, sizeBytes, pageSize }) =>
    Array.from({ length: sizeBytes / pageSize }, (_, page) =>
      guest.write(id, page, new Uint8Array([id, page])),
    ),
  );
  await Promise.all(writes);
  return harm;
}

/** What a failed snapshot has left behind; empty when everything is as it was before. */
export async function leftBehind(guest: SimulatedGuest, sink: TestSink): Promise<string[]> {
  const count = (name: string) => guest.steps.filter((step) => step === name).length;
  const left = await harmTo(guest);
  if (guest.capture !== undefined && count('close') !== 1)
    left.push(`the capture was closed ${count('close')} times`);
  if (count('pause') > count('resume')) left.push('resume was not asked for');
  if (!sink.calls.includes('abort')) left.push('the sink was not aborted');
  if (sink.image() !== undefined) left.push('there is an image');
  return left;
}

/** The SnapshotError that `promise` rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<SnapshotError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SnapshotError) return error;
    throw error;
  }
  throw new Error('there was no failure');
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
    if (this.#pending > 0) throw new TypeError('two writes at the same time');
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
    if (this.#pending > 0) throw new TypeError('a write is pending at the end');
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

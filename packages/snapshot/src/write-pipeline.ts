import { attempt } from './error.ts';
import type { Slab } from './guest.ts';
import type { Output } from './output.ts';

/** What goes out together. */
export interface Batch {
  readonly iovecs: readonly Uint8Array[];
  readonly bytes: number;
  /** What they count for the limiter, which thinks in bytes of memory; `bytes` when not given. */
  readonly memoryBytes?: number;
  /** On loan until the sink has taken the bytes. */
  readonly slabs: readonly Slab[];
  /** Gives back what else holds the bytes; once. */
  readonly release?: () => void;
}

interface Pending<B> {
  /** Undefined while it is made. */
  batch: B | undefined;
  readonly taken: Promise<void>;
  readonly settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
}

/**
 * Batches that are ready go out in one vectored write, so many at most: one that waited for its turn behind a slow write does not
 * wait again, and small ones do not cost a system call each.
 */
const BATCHES_PER_WRITE = 4;

/**
 * Writes batches in the order in which they were pushed, one write at a time, so that the next ones can be made while the sink is busy. A batch may be pushed
 * while it is still being made.
 *
 * Ordering: after a write the slabs of its batches are released, then `onTaken` runs for each, then the next write begins.
 */
export class WritePipeline<B extends Batch> {
  readonly #output: Output;
  readonly #onTaken: (batch: B) => void;
  readonly #pending: Pending<B>[] = [];
  readonly #making = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | undefined;
  #isWriting = false;
  #isAbandoned = false;

  constructor(output: Output, onTaken: (batch: B) => void) {
    this.#output = output;
    this.#onTaken = onTaken;
  }

  /** Batches that the sink has not taken yet, the one that it is taking and those that are being made included. */
  get length(): number {
    return this.#pending.length;
  }

  /** Throws what went wrong with a batch so far: while it was made, in the sink, or in `onTaken`. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** When the first batch in line is taken; at once when there is none. Rejects with its failure. */
  get next(): Promise<void> {
    return this.#pending[0]?.taken ?? Promise.resolve();
  }

  push(batch: B): void {
    const entry = this.#enqueue();
    this.#ready(entry, batch);
  }

  /** Takes a place in line for a batch that is still being made. When `making` rejects, so does everything from its place on. */
  pushLater(making: Promise<B>): void {
    const entry = this.#enqueue();
    const settled = making.then(
      (batch) => this.#ready(entry, batch),
      (error: unknown) => this.#fail(error),
    );
    this.#making.add(settled);
    const forget = () => this.#making.delete(settled);
    // What `settled` fails with, `abandon` tells.
    void settled.then(forget, () => undefined);
  }

  /**
   * Gives back what batches hold that will never be taken. Only when the sink uses no buffer any more. Waits for those that are being made,
   * because whoever makes them still reads their slabs; they in turn may wait for what the ready ones hold, so those go first.
   */
  async abandon(): Promise<void> {
    this.#failure ??= { error: new Error('the pipeline was abandoned') };
    this.#isAbandoned = true;
    for (const { batch } of this.#pending.splice(0)) {
      if (batch !== undefined) release(batch);
    }
    await Promise.all(this.#making);
  }

  #enqueue(): Pending<B> {
    const { promise: taken, ...settle } = withResolvers();
    taken.catch(() => {});
    const entry = { batch: undefined, taken, settle };
    this.#pending.push(entry);
    return entry;
  }

  #ready(entry: Pending<B>, batch: B): void {
    if (this.#isAbandoned) {
      release(batch);
      return;
    }
    entry.batch = batch;
    if (this.#failure !== undefined) return;
    this.#output.meter.handed(batch.bytes, batch.memoryBytes === undefined ? batch.bytes : 0);
    if (!this.#isWriting) void this.#writeAll();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { settle } of this.#pending) settle.reject(this.#failure.error);
  }

  /** Until the first in line is not ready, or something fails. Never rejects. */
  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    try {
      for (let group = this.#group(); group.length > 0; group = this.#group()) {
        // oxlint-disable-next-line no-await-in-loop -- one write at a time
        await this.#write(group);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isWriting = false;
    }
  }

  /** What is ready at the front of the line. */
  #group(): { readonly entry: Pending<B>; readonly batch: B }[] {
    const group: { readonly entry: Pending<B>; readonly batch: B }[] = [];
    if (this.#failure !== undefined) return group;
    for (const entry of this.#pending.slice(0, BATCHES_PER_WRITE)) {
      if (entry.batch === undefined) break;
      group.push({ entry, batch: entry.batch });
    }
    return group;
  }

  async #write(group: readonly { readonly entry: Pending<B>; readonly batch: B }[]): Promise<void> {
    let bytes = 0;
    let memoryBytes = 0;
    for (const { batch } of group) {
      bytes += batch.bytes;
      memoryBytes += batch.memoryBytes ?? batch.bytes;
    }
    const iovecs = group.length === 1 ? group[0]!.batch.iovecs : group.flatMap(({ batch }) => batch.iovecs);
    await this.#output.write(iovecs, bytes, memoryBytes);
    this.#pending.splice(0, group.length);
    try {
      await attempt('capture-failed', 'slab.release', () => {
        for (const { batch } of group) release(batch);
      });
      for (const { entry, batch } of group) {
        this.#onTaken(batch);
        entry.settle.resolve();
      }
    } catch (error) {
      // They are out of the line: nobody else would tell them.
      for (const { entry } of group) entry.settle.reject(error);
      throw error;
    }
  }
}

function release({ slabs, release: giveBack }: Batch): void {
  for (const slab of slabs) slab.release();
  giveBack?.();
}

function withResolvers(): { promise: Promise<void> } & Pending<never>['settle'] {
  let settle: Pending<never>['settle'] | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle! };
}

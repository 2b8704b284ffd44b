import { attempt } from './error.ts';
import type { Slab } from './guest.ts';
import type { Output } from './output.ts';

/** What goes out in one vectored write. */
export interface Batch {
  readonly iovecs: readonly Uint8Array[];
  readonly bytes: number;
  /** On loan until the sink has taken the bytes. */
  readonly slabs: readonly Slab[];
}

interface Pending<B> {
  readonly batch: B;
  readonly taken: Promise<void>;
}

/**
 * Writes batches in order, one at a time, so that the next one can be encoded while the sink is busy.
 *
 * Ordering: the slabs of a batch are released, then `onTaken` runs, then the next write begins.
 */
export class WritePipeline<B extends Batch> {
  readonly #output: Output;
  readonly #onTaken: (batch: B) => void;
  readonly #pending: Pending<B>[] = [];
  #failure: { readonly error: unknown } | undefined;

  constructor(output: Output, onTaken: (batch: B) => void) {
    this.#output = output;
    this.#onTaken = onTaken;
  }

  /** Batches that the sink has not taken yet, the one that it is taking included. */
  get length(): number {
    return this.#pending.length;
  }

  /** Throws what went wrong with a batch so far: the sink's failure, or `onTaken`'s. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** When the first batch in line is taken; at once when there is none. Rejects with its failure. */
  get next(): Promise<void> {
    return this.#pending[0]?.taken ?? Promise.resolve();
  }

  push(batch: B): void {
    this.#output.meter.handed(batch.bytes);
    const before = this.#pending.at(-1)?.taken;
    const taken = before === undefined ? this.#write(batch) : before.then(() => this.#write(batch));
    taken.catch((error: unknown) => {
      this.#failure ??= { error };
    });
    this.#pending.push({ batch, taken });
  }

  /** Gives back the slabs of batches that will never be taken. Only when the sink uses no buffer any more. */
  abandon(): void {
    for (const { batch } of this.#pending.splice(0)) {
      for (const slab of batch.slabs) slab.release();
    }
  }

  async #write(batch: B): Promise<void> {
    await this.#output.write(batch.iovecs, batch.bytes);
    this.#pending.shift();
    await attempt('capture-failed', 'slab.release', () => {
      for (const slab of batch.slabs) slab.release();
    });
    this.#onTaken(batch);
  }
}

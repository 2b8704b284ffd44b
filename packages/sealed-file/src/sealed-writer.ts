import { setImmediate } from 'node:timers/promises';
import type { SealKey } from './seal-key.ts';
import { Sealer, type SealOptions } from './sealer.ts';

/** Writes all bytes, in order; the buffers are its own from then on. */
export type Append = (iovecs: readonly Uint8Array[]) => Promise<void>;

/** How much is encrypted before others get a turn: about a millisecond. */
const TURN_BYTES = 1024 * 1024;

/**
 * Seals what is appended and hands it on; the next bytes are sealed while the ones before are being written.
 *
 * Ordering: one call at a time; each is to be awaited before the next. What `append` rejects with comes through, of the last bytes with the next call, and
 * the file is then of no use.
 */
export class SealedWriter {
  readonly #sealer: Sealer;
  readonly #append: Append;
  #isBegun = false;
  /** The newest write, under way or done. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(sealer: Sealer, append: Append) {
    this.#sealer = sealer;
    this.#append = append;
  }

  static async create(append: Append, key: SealKey, options?: SealOptions): Promise<SealedWriter> {
    return new SealedWriter(await Sealer.create(key, options), append);
  }

  /** The buffers may be reused when this resolves; up to a MiB and a segment of what was made of them may still be under way. */
  async append(iovecs: readonly Uint8Array[]): Promise<void> {
    let pending = this.#begin();
    let turnBytes = 0;
    for (const bytes of iovecs) {
      for (let offset = 0; offset < bytes.byteLength; offset += TURN_BYTES) {
        const part = bytes.subarray(offset, offset + TURN_BYTES);
        pending.push(...this.#sealer.push(part));
        turnBytes += part.byteLength;
        if (turnBytes < TURN_BYTES) continue;
        // oxlint-disable-next-line no-await-in-loop -- in order
        await this.#write(pending);
        // oxlint-disable-next-line no-await-in-loop -- a turn for others
        await setImmediate();
        pending = [];
        turnBytes = 0;
      }
    }
    if (pending.length > 0) await this.#write(pending);
  }

  /** Writes the last segment: the file is complete. */
  async finish(): Promise<void> {
    await this.#write([...this.#begin(), ...this.#sealer.finish()]);
    await this.#writing;
  }

  /** Begins a write when the one before is done. */
  async #write(parts: readonly Uint8Array[]): Promise<void> {
    await this.#writing;
    this.#writing = this.#append(parts);
    // Whoever calls next hears of it; until then it is nobody's.
    this.#writing.catch(() => undefined);
  }

  #begin(): Uint8Array[] {
    if (this.#isBegun) return [];
    this.#isBegun = true;
    return [this.#sealer.header];
  }
}

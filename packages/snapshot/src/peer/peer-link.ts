/* oxlint-disable no-await-in-loop -- a connection does one thing after the other */
import type { Clock } from '../clock.ts';
import { DRAIN_MAX_BYTES, LAST_WORD_MS, within } from './limits.ts';
import type { Transport } from './transport.ts';

/** Large enough to empty a socket buffer in a few reads. */
const DRAIN_BUFFER_BYTES = 64 * 1024;

/** What both sides do with a connection. */
export class PeerLink {
  readonly transport: Transport;
  readonly clock: Clock;
  /** A write has begun and has not been taken: what is written next may land in the middle of a frame. */
  #isMidFrame = false;
  /** The read that is going on, or the last one. */
  #reading: Promise<number> = Promise.resolve(1);

  constructor(transport: Transport, clock: Clock) {
    this.transport = transport;
    this.clock = clock;
  }

  /** Rejects with what the transport rejects with, or with `onTimeout()`. */
  async write(iovecs: readonly Uint8Array[], limitMs: number, onTimeout: () => Error): Promise<void> {
    this.#isMidFrame = true;
    await within(this.clock, limitMs, this.transport.write(iovecs), onTimeout);
    this.#isMidFrame = false;
  }

  /** As `write`. */
  read(into: Uint8Array, limitMs: number, onTimeout: () => Error): Promise<number> {
    const reading = this.transport.read(into);
    this.#reading = reading;
    return within(this.clock, limitMs, reading, onTimeout);
  }

  /** Tries to say one more thing and to close in good order. Never fails, never waits long. */
  async lastWord(frame: Uint8Array): Promise<void> {
    if (this.#isMidFrame) return;
    await this.#briefly(async () => {
      await this.transport.write([frame]);
      await this.transport.end();
    });
  }

  /** Reads and drops what is still on its way: closing with unread bytes would reset the connection, and the last word with it. */
  async drain(): Promise<void> {
    await this.#briefly(async () => {
      const buffer = new Uint8Array(DRAIN_BUFFER_BYTES);
      let byteCount = await this.#reading;
      for (let drained = 0; byteCount > 0 && drained < DRAIN_MAX_BYTES; drained += byteCount) {
        byteCount = await this.transport.read(buffer);
      }
    });
  }

  /** Whether the other side closes in good order, saying nothing more. */
  async isClosedByPeer(): Promise<boolean> {
    let byteCount = -1;
    await this.#briefly(async () => {
      await this.transport.end();
      byteCount = await this.transport.read(new Uint8Array(1));
    });
    return byteCount === 0;
  }

  /** Closes in good order, or drops the connection when that takes long. */
  async close(): Promise<void> {
    await this.#briefly(() => this.transport.end());
    await this.transport.destroy();
  }

  async #briefly(work: () => Promise<void>): Promise<void> {
    await within(this.clock, LAST_WORD_MS, work(), () => new Error('too slow')).catch(() => {});
  }
}

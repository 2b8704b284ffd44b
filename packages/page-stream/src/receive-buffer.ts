import { FRAME_HEADER_BYTES } from './frame-header.ts';

/** How much may be read beyond a small frame, so that many small frames need one read. What is left over is moved: keep it small. */
const READ_AHEAD_BYTES = 64 * 1024;

/** Buffers grow in these steps, so that frames of about the same size, such as slabs with run tables, need no new one. */
const GROWTH_BYTES = 256 * 1024;

/**
 * Where frames that arrive in pieces are put together.
 *
 * Two buffers take turns: frames lent out of one stay untouched while the next bytes are read into the other. Only the bytes of a
 * frame that has just begun are moved. A buffer is as large as the largest frame so far, whose length was checked before (I-6).
 */
export class ReceiveBuffer {
  #active = new Uint8Array();
  #spare = new Uint8Array();
  #start = 0;
  #end = 0;

  /** Bytes that wait for the rest of their frame. */
  get pending(): Uint8Array {
    return this.#active.subarray(this.#start, this.#end);
  }

  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /**
   * Free space behind the pending bytes: up to the end of a frame of `frameBytes` and the next header, so that a large frame is
   * read whole and the one behind it starts in the other buffer.
   */
  free(frameBytes: number): Uint8Array {
    const end = Math.max(frameBytes + FRAME_HEADER_BYTES, READ_AHEAD_BYTES);
    this.#makeRoom(end);
    return this.#active.subarray(this.#end, end);
  }

  /** `byteCount` bytes were written to the start of `free()`. */
  filled(byteCount: number): void {
    this.#end += byteCount;
  }

  /** Copies `bytes`, which belong to a frame of `frameBytes`, behind the pending bytes. */
  append(bytes: Uint8Array, frameBytes: number): void {
    if (bytes.length === 0) return;
    this.#makeRoom(frameBytes);
    this.#active.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Lends the first `byteCount` pending bytes out, until the buffers have taken turns twice. */
  lend(byteCount: number): void {
    this.#start += byteCount;
  }

  /** Puts the pending bytes at the start of a buffer of `length` or more, without touching what is lent out. */
  #makeRoom(length: number): void {
    if (this.#start === 0 && this.#active.length >= length) return;
    const pending = this.pending;
    const lent = this.#start > 0;
    const reusable = lent && this.#spare.length >= length;
    const next = reusable ? this.#spare : new Uint8Array(Math.ceil(length / GROWTH_BYTES) * GROWTH_BYTES);
    next.set(pending);
    if (lent) this.#spare = this.#active;
    this.#active = next;
    this.#start = 0;
    this.#end = pending.length;
  }
}

import { FRAME_HEADER_BYTES } from './frame-header.ts';

/** How much may be read beyond a small frame, so that many small frames need one read. What is left over is moved: keep it small. */
const READ_AHEAD_BYTES = 64 * 1024;

/**
 * Where frames that arrive in pieces are put together.
 *
 * Two buffers take turns: frames lent out of one stay untouched while the next bytes are read into the other. Only the bytes of a
 * frame that has just begun are moved. Both have a fixed size and are made at first use.
 */
export class ReceiveBuffer {
  readonly #capacity: number;
  #active: Uint8Array | undefined;
  #spare: Uint8Array | undefined;
  #start = 0;
  #end = 0;

  constructor(maxFrameBytes: number) {
    this.#capacity = maxFrameBytes + READ_AHEAD_BYTES;
  }

  /** Bytes that wait for the rest of their frame. */
  get pending(): Uint8Array {
    return this.#buffer().subarray(this.#start, this.#end);
  }

  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /**
   * Free space behind the pending bytes: up to the end of a frame of `frameBytes` and the next header, so that a large frame is
   * read whole and the one behind it starts in a fresh buffer.
   */
  free(frameBytes: number): Uint8Array {
    this.#turn();
    const end = Math.max(frameBytes + FRAME_HEADER_BYTES, READ_AHEAD_BYTES);
    return this.#buffer().subarray(this.#end, Math.min(end, this.#capacity));
  }

  /** `byteCount` bytes were written to the start of `free()`. */
  filled(byteCount: number): void {
    this.#end += byteCount;
  }

  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#turn();
    this.#buffer().set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Lends the first `byteCount` pending bytes out, until the buffers have taken turns twice. */
  lend(byteCount: number): void {
    this.#start += byteCount;
  }

  #buffer(): Uint8Array {
    this.#active ??= new Uint8Array(this.#capacity);
    return this.#active;
  }

  #turn(): void {
    if (this.#start === 0) return;
    const rest = this.pending;
    const next = this.#spare ?? new Uint8Array(this.#capacity);
    next.set(rest);
    this.#spare = this.#active;
    this.#active = next;
    this.#start = 0;
    this.#end = rest.length;
  }
}

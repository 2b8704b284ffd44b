/**
 * What one side has said and the other has not confirmed, in a ring: what is lost with a connection is said again from here.
 *
 * Offsets count all bytes that were ever put: `confirmed` ≤ `sent` ≤ `end` ≤ `confirmed` + size. No I/O.
 */
export class SentWindow {
  readonly #ring: Uint8Array;
  #confirmed = 0;
  #sent = 0;
  #end = 0;
  #saidMax = 0;
  #resentBytes = 0;

  constructor(sizeBytes: number) {
    this.#ring = new Uint8Array(sizeBytes);
  }

  get sizeBytes(): number {
    return this.#ring.byteLength;
  }
  /** The other side has everything before this. */
  get confirmed(): number {
    return this.#confirmed;
  }
  /** Everything before this was given to the connection that there is. */
  get sent(): number {
    return this.#sent;
  }
  get end(): number {
    return this.#end;
  }
  get roomBytes(): number {
    return this.#ring.byteLength - (this.#end - this.#confirmed);
  }
  /** How much was given to more than one connection, in sum. */
  get resentBytes(): number {
    return this.#resentBytes;
  }

  /** Copies as much as there is room for; how much that was. */
  put(bytes: Uint8Array): number {
    const taken = Math.min(bytes.byteLength, this.roomBytes);
    for (let from = 0; from < taken; ) {
      const at = (this.#end + from) % this.#ring.byteLength;
      const piece = Math.min(taken - from, this.#ring.byteLength - at);
      this.#ring.set(bytes.subarray(from, from + piece), at);
      from += piece;
    }
    this.#end += taken;
    return taken;
  }

  /** What comes next, at most `maxBytes` of it and without a copy: it stays as it is until it is confirmed. Empty when all was sent. */
  next(maxBytes: number): Uint8Array {
    const at = this.#sent % this.#ring.byteLength;
    return this.#ring.subarray(
      at,
      at + Math.min(maxBytes, this.#end - this.#sent, this.#ring.byteLength - at),
    );
  }

  /** `next` was given to the connection, as far as `byteCount`. */
  gave(byteCount: number): void {
    const again = Math.min(this.#saidMax, this.#sent + byteCount) - this.#sent;
    this.#resentBytes += Math.max(again, 0);
    this.#sent += byteCount;
    this.#saidMax = Math.max(this.#saidMax, this.#sent);
  }

  /** The other side has everything before `offset`; false when that cannot be. */
  confirm(offset: number): boolean {
    if (offset < this.#confirmed || offset > this.#sent) return false;
    this.#confirmed = offset;
    return true;
  }

  /** A new connection, where the other side waits for `offset`; false when it cannot be said again, or was never said. */
  rewind(offset: number): boolean {
    if (offset < this.#confirmed || offset > this.#saidMax) return false;
    this.#confirmed = offset;
    this.#sent = offset;
    return true;
  }
}

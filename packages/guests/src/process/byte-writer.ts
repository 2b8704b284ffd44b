const encoder = new TextEncoder();

/** Writes little-endian numbers, bytes and text into memory that grows. */
export class ByteWriter {
  #bytes = new Uint8Array(64 * 1024);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  u8(value: number): void {
    const at = this.#take(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#take(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#take(4);
    this.#view.setUint32(at, value, true);
  }

  i32(value: number): void {
    const at = this.#take(4);
    this.#view.setInt32(at, value, true);
  }

  u64(value: bigint): void {
    const at = this.#take(8);
    this.#view.setBigUint64(at, value, true);
  }

  /** A length of 32 bits, then the bytes. */
  bytes(value: Uint8Array): void {
    this.u32(value.length);
    const at = this.#take(value.length);
    this.#bytes.set(value, at);
  }

  /** UTF-8; whole characters are cut off beyond `maxBytes`. */
  text(value: string, maxBytes: number): void {
    const bytes = new Uint8Array(maxBytes);
    this.bytes(bytes.subarray(0, encoder.encodeInto(value, bytes).written));
  }

  /** What was written, a view. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** To be called before `#bytes` or `#view` is looked at: it may exchange them. */
  #take(sizeBytes: number): number {
    const at = this.#at;
    this.#at += sizeBytes;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#at, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

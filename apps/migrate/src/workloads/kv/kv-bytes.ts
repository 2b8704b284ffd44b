/**
 * A byte string of fixed capacity that is reused for many keys or values, so that a load makes no garbage.
 *
 * The bytes from `length` up to the next word are zero: the store copies and hashes whole words.
 */
export class KvBytes {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacityBytes: number) {
    this.words = new Uint32Array((capacityBytes + 3) >>> 2);
    this.bytes = new Uint8Array(this.words.buffer);
  }

  static of(bytes: Uint8Array): KvBytes {
    const copy = new KvBytes(bytes.length);
    copy.bytes.set(bytes);
    copy.length = bytes.length;
    return copy;
  }

  get length(): number {
    return this.#length;
  }

  /** Keeps the first `length` bytes; those beyond, up to the word's end, become zero. */
  set length(length: number) {
    if (length > this.bytes.length)
      throw new RangeError(`${length} bytes do not fit into ${this.bytes.length}`);
    const wordEnd = (length + 3) & ~3;
    for (let at = length; at < wordEnd; at++) this.bytes[at] = 0;
    this.#length = length;
  }

  get wordLength(): number {
    return (this.#length + 3) >>> 2;
  }

  equals(other: KvBytes): boolean {
    if (this.#length !== other.length) return false;
    for (let at = 0; at < this.wordLength; at++) if (this.words[at] !== other.words[at]) return false;
    return true;
  }
}

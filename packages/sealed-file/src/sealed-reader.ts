import { SealedFileError } from './error.ts';
import { HEADER_BYTES, TAG_BYTES } from './limits.ts';
import type { DamagedRange, ReadAt } from './open-sealed.ts';
import type { SegmentCipher } from './segment.ts';

interface Layout {
  readonly readAt: ReadAt;
  readonly cipher: SegmentCipher;
  readonly segmentBytes: number;
  /** Of the content. */
  readonly sizeBytes: number;
}

/** The content of a sealed file, at any place. Keeps one opened segment. Made by `openSealed`. */
export class SealedReader {
  readonly sizeBytes: number;
  readonly segmentBytes: number;
  readonly #readStored: ReadAt;
  readonly #cipher: SegmentCipher;
  readonly #onDamage: ((range: DamagedRange) => void) | undefined;
  readonly #segments: number;
  #cached: { readonly number: number; readonly content: Uint8Array } | undefined;

  /** @internal */
  constructor({ readAt, cipher, segmentBytes, sizeBytes }: Layout, onDamage?: (range: DamagedRange) => void) {
    this.sizeBytes = sizeBytes;
    this.segmentBytes = segmentBytes;
    this.#readStored = readAt;
    this.#cipher = cipher;
    this.#onDamage = onDamage;
    this.#segments = Math.max(1, Math.ceil(sizeBytes / segmentBytes));
  }

  /** `length` bytes of the content at `offset`, fewer only at the end; the bytes are the caller's. Throws SEALED_DAMAGED. */
  readAt(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(length, Math.max(0, this.sizeBytes - offset)));
    this.readInto(offset, bytes);
    return bytes;
  }

  /** As `readAt`, into the caller's own; returns how many bytes. */
  readInto(offset: number, into: Uint8Array): number {
    const length = Math.min(into.byteLength, Math.max(0, this.sizeBytes - offset));
    let filled = 0;
    while (filled < length) {
      const number = Math.floor((offset + filled) / this.segmentBytes);
      const content = this.#contentOf(number);
      const from = offset + filled - number * this.segmentBytes;
      const part = content.subarray(from, from + length - filled);
      into.set(part, filled);
      filled += part.byteLength;
    }
    return length;
  }

  /** The content from the front, segment by segment. Gives no turn to others: await something in between. */
  *segments(): Generator<Uint8Array, void, undefined> {
    for (let number = 0; number < this.#segments; number += 1) yield this.#contentOf(number);
  }

  /** Throws SEALED_TRUNCATED unless the last segment says that it is the last one and that nothing is missing. @internal */
  checkEnd(): void {
    const number = this.#segments - 1;
    const stored = this.#storedOf(number);
    const content = this.#cipher.open(number, stored, this.sizeBytes);
    if (content === undefined) {
      const isCut = this.#cipher.open(number, stored) !== undefined;
      const what = isCut
        ? `the file ends after segment ${number}, which is not its last`
        : 'the end does not open';
      throw new SealedFileError('SEALED_TRUNCATED', what, number);
    }
    this.#cached = { number, content };
  }

  #contentOf(number: number): Uint8Array {
    if (this.#cached?.number === number) return this.#cached.content;
    const content = this.#open(number) ?? this.#damaged(number);
    this.#cached = { number, content };
    return content;
  }

  #open(number: number): Uint8Array | undefined {
    const stored = this.#storedOf(number);
    const isLast = number === this.#segments - 1;
    const content = this.#cipher.open(number, stored, isLast ? this.sizeBytes : undefined);
    // Of a file that was cut at a segment's end, which only salvaging gets to.
    return content ?? (isLast ? this.#cipher.open(number, stored) : undefined);
  }

  #storedOf(number: number): Uint8Array {
    const length = this.#lengthOf(number) + TAG_BYTES;
    const offset = HEADER_BYTES + number * (this.segmentBytes + TAG_BYTES);
    const stored = this.#readStored(offset, length);
    // It was cut while it is being read.
    return stored.byteLength === length ? stored : new Uint8Array(length);
  }

  #lengthOf(number: number): number {
    return Math.min(this.segmentBytes, this.sizeBytes - number * this.segmentBytes);
  }

  #damaged(number: number): Uint8Array {
    const offset = number * this.segmentBytes;
    const length = this.#lengthOf(number);
    if (this.#onDamage === undefined) {
      throw new SealedFileError(
        'SEALED_DAMAGED',
        `segment ${number}, content bytes ${offset} to ${offset + length}`,
        number,
      );
    }
    this.#onDamage({ offset, length });
    return new Uint8Array(length);
  }
}

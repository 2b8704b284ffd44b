import { randomBytes } from 'node:crypto';
import { wrapDataKey } from './data-key.ts';
import { SealedFileError } from './error.ts';
import { encodeHeader } from './header.ts';
import { DEFAULT_SEGMENT_BYTES, KEY_BYTES, NONCE_BYTES, SALT_BYTES, SEGMENTS_MAX } from './limits.ts';
import type { SealKey } from './seal-key.ts';
import { SegmentCipher } from './segment.ts';

export interface SealOptions {
  /** A power of two, 4 KiB to 1 MiB; default 64 KiB. What is read and checked as one. */
  readonly segmentBytes?: number;
  /** For golden vectors only: with bytes that are not random and new, nothing is secret. */
  readonly random?: (sizeBytes: number) => Uint8Array;
}

/**
 * Bytes in, sealed bytes out; does no I/O.
 *
 * Holds at most one segment back, because it may turn out to be the last one.
 */
export class Sealer {
  /** What the file begins with. */
  readonly header: Uint8Array;
  readonly #segmentBytes: number;
  readonly #cipher: SegmentCipher;
  /** Our own copies. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #segment = 0;
  #totalBytes = 0;
  #isFinished = false;

  private constructor(header: Uint8Array, segmentBytes: number, cipher: SegmentCipher) {
    this.header = header;
    this.#segmentBytes = segmentBytes;
    this.#cipher = cipher;
  }

  /** Rejects with SEALED_LIMITS for a segment size or an scrypt cost outside the limits. */
  static async create(key: SealKey, options: SealOptions = {}): Promise<Sealer> {
    const { segmentBytes = DEFAULT_SEGMENT_BYTES, random = randomBytes } = options;
    const fields = {
      segmentBytes,
      scrypt: key.scrypt,
      salt: random(SALT_BYTES),
      wrapNonce: random(NONCE_BYTES),
    };
    const header = encodeHeader(fields);
    const dataKey = random(KEY_BYTES);
    wrapDataKey(header, await key.derive(fields), dataKey);
    return new Sealer(header, segmentBytes, new SegmentCipher(dataKey, header));
  }

  /** What can be written now. `bytes` may be reused when this returns. */
  push(bytes: Uint8Array): Uint8Array[] {
    if (this.#isFinished) throw new Error('push after finish');
    this.#totalBytes += bytes.byteLength;
    const sealed: Uint8Array[] = [];
    let offset = 0;
    // More than one segment's worth: this one is not the last.
    while (this.#heldBytes + bytes.byteLength - offset > this.#segmentBytes) {
      const end = offset + this.#segmentBytes - this.#heldBytes;
      sealed.push(...this.#next([...this.#held, bytes.subarray(offset, end)]));
      this.#held = [];
      this.#heldBytes = 0;
      offset = end;
    }
    if (offset < bytes.byteLength) {
      this.#held.push(Uint8Array.prototype.slice.call(bytes, offset));
      this.#heldBytes += bytes.byteLength - offset;
    }
    return sealed;
  }

  /** The last segment. Call it once. */
  finish(): Uint8Array[] {
    if (this.#isFinished) throw new Error('finish after finish');
    this.#isFinished = true;
    return this.#next(this.#held, this.#totalBytes);
  }

  #next(parts: readonly Uint8Array[], totalBytes?: number): Uint8Array[] {
    if (this.#segment >= SEGMENTS_MAX) {
      throw new SealedFileError('SEALED_LIMITS', `more than ${SEGMENTS_MAX} segments: take larger ones`);
    }
    const sealed = this.#cipher.seal(this.#segment, parts, totalBytes);
    this.#segment += 1;
    return sealed;
  }
}

import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { NONCE_BYTES, TAG_BYTES } from './limits.ts';

const CIPHER = 'aes-256-gcm';

/** Seals and opens the segments of one file (FORMAT.md, "Segments"). Each number is to be sealed once. */
export class SegmentCipher {
  readonly #dataKey: Uint8Array;
  readonly #headerHash: Buffer;

  /** `header`: all of it, with the wrapped key. */
  constructor(dataKey: Uint8Array, header: Uint8Array) {
    this.#dataKey = dataKey;
    this.#headerHash = createHash('sha256').update(header).digest();
  }

  /** `parts` are the content; `totalBytes` is the size of all content, and given for the last segment only. */
  seal(number: number, parts: readonly Uint8Array[], totalBytes?: number): Buffer[] {
    const cipher = createCipheriv(CIPHER, this.#dataKey, nonceOf(number));
    cipher.setAAD(this.#aad(number, totalBytes));
    const sealed = parts.map((part) => cipher.update(part));
    cipher.final();
    return [...sealed, cipher.getAuthTag()];
  }

  /** Undefined when the tag is wrong. */
  open(number: number, stored: Uint8Array, totalBytes?: number): Uint8Array | undefined {
    const split = stored.byteLength - TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, this.#dataKey, nonceOf(number), { authTagLength: TAG_BYTES });
    decipher.setAAD(this.#aad(number, totalBytes));
    decipher.setAuthTag(stored.subarray(split));
    const content = decipher.update(stored.subarray(0, split));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return content;
  }

  #aad(number: number, totalBytes: number | undefined): Buffer {
    const aad = Buffer.alloc(49);
    aad.set(this.#headerHash);
    aad.writeBigUInt64LE(BigInt(number), 32);
    aad[40] = totalBytes === undefined ? 0 : 1;
    aad.writeBigUInt64LE(BigInt(totalBytes ?? 0), 41);
    return aad;
  }
}

function nonceOf(number: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeBigUInt64LE(BigInt(number));
  return nonce;
}

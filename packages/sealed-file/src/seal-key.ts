import { hkdf, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { SealedFileError } from './error.ts';
import type { HeaderFields, ScryptCost } from './header.ts';
import {
  KEY_BYTES,
  KEY_FILE_MAX_BYTES,
  KEY_FILE_MIN_BYTES,
  PASSPHRASE_MAX_BYTES,
  SCRYPT_MAX_BYTES,
} from './limits.ts';

const HKDF_INFO = 'stillframe sealed-file 1';
/** 128 MiB and about a third of a second: what a guess costs. */
export const DEFAULT_SCRYPT: ScryptCost = { log2N: 17, r: 8, p: 1 };

/** Wrapping keys that one key remembers: more than a chain has images. */
const DERIVED_MAX = 256;

/** What files are sealed and opened with. Printing it shows nothing of the secret. */
export class SealKey {
  readonly #secret: Buffer;
  /** Wrapping keys that were derived, by salt and cost: a file is often opened again. */
  readonly #derived = new Map<string, Promise<Uint8Array>>();
  /** What new files are written with; undefined for a key file. */
  readonly scrypt: ScryptCost | undefined;

  private constructor(secret: Buffer, cost: ScryptCost | undefined) {
    this.#secret = secret;
    this.scrypt = cost;
  }

  /** `scrypt` is the cost for new files; a file is opened with the cost that it names. Throws RangeError for an empty one. */
  static fromPassphrase(passphrase: string, cost: ScryptCost = DEFAULT_SCRYPT): SealKey {
    const secret = Buffer.from(passphrase.normalize('NFC'), 'utf8');
    if (secret.byteLength === 0 || secret.byteLength > PASSPHRASE_MAX_BYTES) {
      throw new RangeError(`a passphrase has 1 to ${PASSPHRASE_MAX_BYTES} bytes, not ${secret.byteLength}`);
    }
    return new SealKey(secret, cost);
  }

  /** From the content of a key file, which is copied. Throws RangeError for fewer than 32 or more than 4096 bytes. */
  static fromKeyFile(content: Uint8Array): SealKey {
    const size = content.byteLength;
    if (size < KEY_FILE_MIN_BYTES || size > KEY_FILE_MAX_BYTES) {
      throw new RangeError(
        `a key file has ${KEY_FILE_MIN_BYTES} to ${KEY_FILE_MAX_BYTES} bytes, not ${size}`,
      );
    }
    return new SealKey(Buffer.from(content), undefined);
  }

  /** The wrapping key, off the event loop. Rejects with SEALED_KEY_KIND. */
  async derive({ scrypt: cost, salt }: HeaderFields): Promise<Uint8Array> {
    const isPassphrase = this.scrypt !== undefined;
    if (isPassphrase !== (cost !== undefined)) {
      throw new SealedFileError(
        'SEALED_KEY_KIND',
        isPassphrase
          ? 'the file needs a key file, not a passphrase'
          : 'the file needs a passphrase, not a key file',
      );
    }
    if (cost === undefined) {
      return new Uint8Array(await promisify(hkdf)('sha256', this.#secret, salt, HKDF_INFO, KEY_BYTES));
    }
    const name = `${cost.log2N} ${cost.r} ${cost.p} ${Buffer.from(salt).toString('hex')}`;
    let derived = this.#derived.get(name);
    if (derived === undefined) {
      derived = deriveScrypt(this.#secret, salt, cost);
      this.#derived.set(name, derived);
      const [oldest] = this.#derived.keys();
      if (this.#derived.size > DERIVED_MAX && oldest !== undefined) this.#derived.delete(oldest);
    }
    return await derived;
  }
}

function deriveScrypt(secret: Buffer, salt: Uint8Array, { log2N, r, p }: ScryptCost): Promise<Buffer> {
  // Node refuses what needs as much as maxmem, so a little more than our own limit.
  const options = { N: 2 ** log2N, r, p, maxmem: 2 * SCRYPT_MAX_BYTES };
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, KEY_BYTES, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

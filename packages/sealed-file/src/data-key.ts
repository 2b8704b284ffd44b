import { createCipheriv, createDecipheriv } from 'node:crypto';
import { SealedFileError } from './error.ts';
import { AT } from './header.ts';
import { KEY_BYTES, TAG_BYTES } from './limits.ts';

const CIPHER = 'aes-256-gcm';

/** Puts the encrypted data key into the header. */
export function wrapDataKey(header: Buffer, wrappingKey: Uint8Array, dataKey: Uint8Array): void {
  const cipher = createCipheriv(CIPHER, wrappingKey, header.subarray(AT.wrapNonce, AT.dataKey));
  cipher.setAAD(header.subarray(0, AT.dataKey));
  header.set(cipher.update(dataKey), AT.dataKey);
  cipher.final();
  header.set(cipher.getAuthTag(), AT.tag);
}

/** Throws SEALED_KEY: the check of the key is that its unwrapping succeeds. */
export function unwrapDataKey(header: Uint8Array, wrappingKey: Uint8Array): Uint8Array {
  const nonce = header.subarray(AT.wrapNonce, AT.dataKey);
  const decipher = createDecipheriv(CIPHER, wrappingKey, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(header.subarray(0, AT.dataKey));
  decipher.setAuthTag(header.subarray(AT.tag, AT.tag + TAG_BYTES));
  const dataKey = decipher.update(header.subarray(AT.dataKey, AT.dataKey + KEY_BYTES));
  try {
    decipher.final();
  } catch {
    throw new SealedFileError('SEALED_KEY', 'the key does not open the file');
  }
  return dataKey;
}

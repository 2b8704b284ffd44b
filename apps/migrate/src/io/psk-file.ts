import { hkdfSync, randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { CliError } from '../cli-error.ts';
import { readSecretFile } from './secret-file.ts';
import { PSK_BYTES } from './tls-credentials.ts';

/** With fewer, a recorded handshake could be tried against all keys. */
export const KEY_BYTES_MIN = 32;
export const KEY_BYTES_MAX = 4096;
/** So many different bytes: 32 random ones have about 30. */
const DISTINCT_BYTES_MIN = 16;

const HKDF_INFO = 'stillframe migrate psk 1';

/**
 * The key for TLS of a key file: random bytes, either as they are or as hexadecimal digits. Rejects with FILE, and with REFUSED where
 * others can read it, or where it is no random key: a pass phrase can be guessed from a recorded handshake.
 */
export async function readKeyFile(path: string, flag: string): Promise<Buffer> {
  const secret = keyBytes(await readSecretFile(path, flag), `${flag}: ${path}`);
  return Buffer.from(hkdfSync('sha256', secret, '', HKDF_INFO, PSK_BYTES));
}

function keyBytes(content: Buffer, what: string): Buffer {
  const bytes = asHex(content) ?? content;
  if (bytes.byteLength < KEY_BYTES_MIN) {
    throw noKey(`${what} has ${bytes.byteLength} bytes, and a key has at least ${KEY_BYTES_MIN}`);
  }
  if (bytes.byteLength > KEY_BYTES_MAX) throw noKey(`${what} has more than ${KEY_BYTES_MAX} bytes`);
  if (bytes === content && isText(content)) throw noKey(`${what} is text and not random bytes`);
  if (new Set(bytes).size < DISTINCT_BYTES_MIN) throw noKey(`${what} has hardly any different bytes`);
  return bytes;
}

function noKey(what: string): CliError {
  return new CliError('REFUSED', what, {
    hint: 'Make a key with `migrate psk --out FILE`, and bring a copy to the other side by a safe way.',
  });
}

/** Digits and at most one line end: an odd one, or a space, is a mistake and not a key. */
function asHex(content: Buffer): Buffer | undefined {
  const text = content.toString('latin1').replace(/\r?\n$/, '');
  return /^(?:[0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, 'hex') : undefined;
}

/** 32 random bytes are all printable once in 10^13 files. */
function isText(content: Buffer): boolean {
  return content.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d));
}

/** Writes a new key, which only its owner can read. Rejects with REFUSED when there is a file already, and with FILE. */
export async function writeKeyFile(path: string): Promise<void> {
  try {
    await using file = await open(path, 'wx', 0o600);
    await file.writeFile(`${randomBytes(KEY_BYTES_MIN).toString('hex')}\n`);
    await file.sync();
  } catch (cause) {
    const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw new CliError(isThere ? 'REFUSED' : 'FILE', `${path} ${isThere ? 'exists' : 'cannot be written'}`, {
      hint: isThere
        ? 'A key that may be in use is not replaced: name another file.'
        : 'Name a place that you may write to, with room for it.',
      cause,
    });
  }
}

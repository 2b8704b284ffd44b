import { SealedFileError } from './error.ts';
import {
  HEADER_BYTES,
  NONCE_BYTES,
  SALT_BYTES,
  SCRYPT_LOG2N_MAX,
  SCRYPT_LOG2N_MIN,
  SCRYPT_MAX_BYTES,
  SCRYPT_P_MAX,
  SCRYPT_R_MAX,
  SCRYPT_WORK_MAX,
  SEGMENT_MAX_BYTES,
  SEGMENT_MIN_BYTES,
} from './limits.ts';

const MAGIC = Buffer.from([0x89, 0x53, 0x46, 0x53, 0x45, 0x41, 0x4c, 0x0a]);
const VERSION = 1;
const AES_256_GCM = 1;
const SCRYPT = 1;
const HKDF = 2;

/** N = 2^log2N. */
export interface ScryptCost {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

/** What comes before the wrapped data key, and is authenticated with it. */
export interface HeaderFields {
  readonly segmentBytes: number;
  /** Undefined: the key is derived from a key file. */
  readonly scrypt: ScryptCost | undefined;
  readonly salt: Uint8Array;
  readonly wrapNonce: Uint8Array;
}

/** Offsets of FORMAT.md, "Header". */
export const AT = { salt: 24, wrapNonce: 56, dataKey: 68, tag: 100, reserved: 116 } as const;
const SCRYPT_AT = 16;
const RESERVED_AT = 19;

/** Whether `bytes`, the first ones of a file, are those of a sealed file. */
export function isSealed(bytes: Uint8Array): boolean {
  return bytes.byteLength >= MAGIC.length && MAGIC.equals(bytes.subarray(0, MAGIC.length));
}

/** The whole header, with zeros in place of the data key. */
export function encodeHeader({ segmentBytes, scrypt, salt, wrapNonce }: HeaderFields): Buffer {
  assertSegmentBytes(segmentBytes);
  if (scrypt !== undefined) assertScrypt(scrypt);
  const header = Buffer.alloc(HEADER_BYTES);
  header.set(MAGIC);
  header.writeUInt16LE(VERSION, 8);
  header[10] = AES_256_GCM;
  header[11] = scrypt === undefined ? HKDF : SCRYPT;
  header.writeUInt32LE(segmentBytes, 12);
  if (scrypt !== undefined) header.set([scrypt.log2N, scrypt.r, scrypt.p], SCRYPT_AT);
  header.set(salt, AT.salt);
  header.set(wrapNonce, AT.wrapNonce);
  return header;
}

/** Checks every field. The views are of `bytes`. Throws SealedFileError. */
export function decodeHeader(bytes: Uint8Array): HeaderFields {
  if (!isSealed(bytes)) throw new SealedFileError('SEALED_MAGIC', 'the file does not begin as a sealed file');
  if (bytes.byteLength < HEADER_BYTES) {
    throw new SealedFileError('SEALED_HEADER', `the header has ${bytes.byteLength} of ${HEADER_BYTES} bytes`);
  }
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const version = header.readUInt16LE(8);
  if (version !== VERSION) throw new SealedFileError('SEALED_VERSION', `sealed file version ${version}`);
  const kdf = header[11]!;
  if (header[10] !== AES_256_GCM) throw new SealedFileError('SEALED_VERSION', `cipher ${header[10]}`);
  if (kdf !== SCRYPT && kdf !== HKDF) throw new SealedFileError('SEALED_VERSION', `key derivation ${kdf}`);
  const segmentBytes = header.readUInt32LE(12);
  assertSegmentBytes(segmentBytes);
  const [log2N, r, p] = [header[SCRYPT_AT]!, header[SCRYPT_AT + 1]!, header[SCRYPT_AT + 2]!];
  if (kdf === SCRYPT) assertScrypt({ log2N, r, p });
  const mustBeZero = [
    header.subarray(kdf === SCRYPT ? RESERVED_AT : SCRYPT_AT, AT.salt),
    header.subarray(AT.reserved),
  ];
  if (mustBeZero.some((part) => part.some((byte) => byte !== 0))) {
    throw new SealedFileError('SEALED_HEADER', 'reserved bytes of the header are not zero');
  }
  return {
    segmentBytes,
    scrypt: kdf === SCRYPT ? { log2N, r, p } : undefined,
    salt: header.subarray(AT.salt, AT.salt + SALT_BYTES),
    wrapNonce: header.subarray(AT.wrapNonce, AT.wrapNonce + NONCE_BYTES),
  };
}

function assertSegmentBytes(segmentBytes: number): void {
  const isPower = Number.isInteger(segmentBytes) && Number.isInteger(Math.log2(segmentBytes));
  if (isPower && segmentBytes >= SEGMENT_MIN_BYTES && segmentBytes <= SEGMENT_MAX_BYTES) return;
  throw new SealedFileError(
    'SEALED_LIMITS',
    `segments of ${segmentBytes} bytes: a power of two from ${SEGMENT_MIN_BYTES} to ${SEGMENT_MAX_BYTES} is allowed`,
  );
}

/** Before scrypt allocates anything. */
function assertScrypt({ log2N, r, p }: ScryptCost): void {
  const areIntegers = [log2N, r, p].every((value) => Number.isInteger(value));
  const inRange =
    areIntegers && log2N >= SCRYPT_LOG2N_MIN && log2N <= SCRYPT_LOG2N_MAX && r >= 1 && r <= SCRYPT_R_MAX;
  // RFC 7914: N < 2^(128 r / 8). OpenSSL refuses the others in its own words.
  const isDefined = log2N < 16 * r;
  const memoryBytes = 128 * 2 ** log2N * r;
  const work = 2 ** log2N * r * p;
  if (
    inRange &&
    isDefined &&
    p >= 1 &&
    p <= SCRYPT_P_MAX &&
    memoryBytes <= SCRYPT_MAX_BYTES &&
    work <= SCRYPT_WORK_MAX
  ) {
    return;
  }
  throw new SealedFileError(
    'SEALED_LIMITS',
    `scrypt with N = 2^${log2N}, r = ${r}, p = ${p} is outside the limits`,
  );
}

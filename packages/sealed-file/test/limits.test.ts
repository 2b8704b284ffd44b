import { describe, expect, it } from 'vitest';
import { SEGMENT_MAX_BYTES, SEGMENT_MIN_BYTES, SealedFileError, SealKey, Sealer } from '../src/index.ts';
import { decodeHeader } from '../src/header.ts';
import { codeOf, counted, keyFile, opened, passphrase, sealed } from './support/files.ts';

function codeOfHeader(header: Buffer): string {
  try {
    decodeHeader(header);
  } catch (error) {
    return error instanceof SealedFileError ? error.code : String(error);
  }
  return 'fine';
}

describe('limits of a header', () => {
  it.each([
    [SEGMENT_MIN_BYTES / 2, 'SEALED_LIMITS'],
    [SEGMENT_MIN_BYTES, 'fine'],
    [SEGMENT_MIN_BYTES + 1, 'SEALED_LIMITS'],
    [SEGMENT_MAX_BYTES, 'fine'],
    [SEGMENT_MAX_BYTES * 2, 'SEALED_LIMITS'],
    [0, 'SEALED_LIMITS'],
  ])('segments of %i bytes: %s', async (segmentBytes, expected) => {
    const file = await sealed(counted(1));
    file.writeUInt32LE(segmentBytes, 12);
    expect(codeOfHeader(file)).toBe(expected);
    const made = await codeOf(Sealer.create(keyFile, { segmentBytes }));
    expect(made).toBe(expected === 'fine' ? 'opened' : expected);
  });

  it.each([
    [9, 8, 1, 'SEALED_LIMITS'],
    [10, 8, 1, 'fine'],
    [20, 2, 1, 'fine'],
    [20, 3, 1, 'SEALED_LIMITS'],
    [21, 2, 1, 'SEALED_LIMITS'],
    [15, 1, 1, 'fine'],
    [16, 1, 1, 'SEALED_LIMITS'],
    [17, 16, 1, 'fine'],
    [17, 17, 1, 'SEALED_LIMITS'],
    [10, 0, 1, 'SEALED_LIMITS'],
    [10, 32, 1, 'fine'],
    [10, 33, 1, 'SEALED_LIMITS'],
    [10, 8, 0, 'SEALED_LIMITS'],
    [10, 8, 16, 'fine'],
    [10, 8, 17, 'SEALED_LIMITS'],
    [17, 8, 4, 'fine'],
    [17, 8, 5, 'SEALED_LIMITS'],
  ])('scrypt with N = 2^%i, r = %i, p = %i: %s', async (log2N, r, p, expected) => {
    const file = await sealed(counted(1), passphrase);
    file.set([log2N, r, p], 16);
    expect(codeOfHeader(file)).toBe(expected);
  });
});

it.each([
  [15, 'SEALED_KEY'],
  [16, 'SEALED_LIMITS'],
])('N = 2^%i with r = 1, which scrypt itself bounds: %s', async (log2N, expected) => {
  const file = await sealed(counted(1), passphrase);
  file[16] = log2N;
  expect(await codeOf(opened(file, passphrase))).toBe(expected);
});

describe('limits of keys', () => {
  it.each([
    [31, RangeError],
    [4097, RangeError],
  ])('a key file of %i bytes is refused', (sizeBytes, kind) => {
    expect(() => SealKey.fromKeyFile(counted(sizeBytes))).toThrow(kind);
  });

  it.each([32, 4096])('a key file of %i bytes is taken', async (sizeBytes) => {
    await expect(Sealer.create(SealKey.fromKeyFile(counted(sizeBytes)))).resolves.toBeDefined();
  });

  it('a passphrase has 1 to 4096 bytes', () => {
    expect(() => SealKey.fromPassphrase('')).toThrow(RangeError);
    expect(() => SealKey.fromPassphrase('é'.repeat(2049))).toThrow(RangeError);
    expect(SealKey.fromPassphrase('é'.repeat(2048)).scrypt).toBeDefined();
  });

  it('a key shows nothing of its secret', () => {
    expect(JSON.stringify(passphrase)).not.toContain('horse');
    expect(Object.values(passphrase).some((value) => Buffer.isBuffer(value))).toBe(false);
  });
});

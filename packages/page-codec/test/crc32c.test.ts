import { crc32c as oracle } from '@node-rs/crc32';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageCodec } from '../src/index.ts';

/** RFC 3720 appendix B.4, "CRC Examples". */
const vectors: readonly [string, Uint8Array, number][] = [
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['"123456789"', Buffer.from('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
];

describe('crc32c', () => {
  it.each(vectors)('knows %s', (_name, bytes, crc) => {
    expect(pageCodec.crc32c(bytes)).toBe(crc);
  });

  it('agrees with the oracle for every length to 300 at every alignment to 64', () => {
    const memory = Buffer.from(Uint8Array.from({ length: 512 }, (_, i) => (i * 197) ^ (i >> 3)));
    for (let length = 0; length <= 300; length++) {
      for (let start = 0; start < 64; start++) {
        const bytes = memory.subarray(start, start + length);
        expect(pageCodec.crc32c(bytes), `${length} bytes at ${start}`).toBe(oracle(bytes));
      }
    }
  });

  it('agrees with the oracle for any bytes and any seed', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 20_000, size: 'max' }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (bytes, seed) => {
          expect(pageCodec.crc32c(bytes, seed)).toBe(oracle(Buffer.from(bytes), seed));
        },
      ),
    );
  });

  it('continues: the CRC of two parts is that of the whole, wherever they meet', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 10_000, size: 'max' }), fc.nat(), (bytes, somewhere) => {
        const cut = somewhere % (bytes.length + 1);
        const first = pageCodec.crc32c(bytes.subarray(0, cut));
        expect(pageCodec.crc32c(bytes.subarray(cut), first)).toBe(pageCodec.crc32c(bytes));
      }),
    );
  });
});

describe('appendCrc', () => {
  it('is the CRC of both, one after the other', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 70_000, size: 'max' }),
        (a, b) => {
          const both = pageCodec.crc32c(b, pageCodec.crc32c(a));
          expect(pageCodec.appendCrc(pageCodec.crc32c(a), pageCodec.crc32c(b), b.length)).toBe(both);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes lengths up to 2^32 - 1, and no more', () => {
    const half = pageCodec.appendCrc(0x12345678, 0, 2 ** 31);
    expect(half).toBe(pageCodec.appendCrc(pageCodec.appendCrc(0x12345678, 0, 2 ** 30), 0, 2 ** 30));
    expect(pageCodec.appendCrc(0x12345678, 0, 2 ** 32 - 1)).toBe(pageCodec.appendCrc(half, 0, 2 ** 31 - 1));
    expect(() => pageCodec.appendCrc(0, 0, 2 ** 32)).toThrow(RangeError);
  });
});

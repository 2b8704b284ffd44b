import { crc32c as oracle } from '@node-rs/crc32';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c, crcShift, moveCrc } from '../src/crc32c.ts';
import { referenceCrc32c } from './reference-checksums.ts';

const bytesAtAnyAlignment = fc
  .tuple(fc.uint8Array({ maxLength: 200 }), fc.nat(15))
  .map(([bytes, skip]) => bytes.subarray(Math.min(skip, bytes.length)));

describe('crc32c', () => {
  it('has the check value of the polynomial', () => {
    expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
  });

  it('is 0 for no bytes and returns the seed', () => {
    expect(crc32c(new Uint8Array())).toBe(0);
    expect(crc32c(new Uint8Array(), 0xdeadbeef)).toBe(0xdeadbeef);
  });

  it('agrees with an independent implementation, whatever the length, the alignment and the seed', () => {
    fc.assert(
      fc.property(bytesAtAnyAlignment, fc.nat(0xffffffff), (bytes, seed) => {
        expect(crc32c(bytes, seed)).toBe(oracle(bytes, seed));
      }),
    );
  });

  it('agrees with the bit by bit definition, which the reference decoder uses', () => {
    fc.assert(
      fc.property(bytesAtAnyAlignment, (bytes) => {
        expect(crc32c(bytes)).toBe(referenceCrc32c(bytes));
      }),
    );
  });

  it('of two pieces follows from theirs', () => {
    const shift = crcShift(64);
    const piece = fc.uint8Array({ minLength: 64, maxLength: 64 });
    fc.assert(
      fc.property(fc.uint8Array(), piece, (a, b) => {
        const combined = (moveCrc(shift, crc32c(a)) ^ crc32c(b)) >>> 0;
        expect(combined).toBe(crc32c(b, crc32c(a)));
      }),
    );
  });
});

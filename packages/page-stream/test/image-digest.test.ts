import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addUnit, mix64, ZERO_UNIT_CRC } from '../src/image-digest.ts';
import { crc32c } from '../src/crc32c.ts';
import { formatDigest, pureCodec } from '../src/index.ts';
import { readDocument } from './documents.ts';
import { joinDigest, referenceDigest, referenceTerm } from './reference-checksums.ts';

function term(region: number, unit: number, crc: number): bigint {
  const digest = new Uint32Array(2);
  addUnit(digest, region, unit, crc);
  return joinDigest(digest);
}

describe('image digest', () => {
  it('mixes as SplitMix64 does: its first output for seed 0', () => {
    const value = Uint32Array.of(0x7f4a7c15, 0x9e3779b9);
    mix64(value);
    expect(joinDigest(value)).toBe(0xe220a8397b1dcdafn);
  });

  it('leaves out units of zeros', () => {
    expect(ZERO_UNIT_CRC).toBe(crc32c(new Uint8Array(4096)));
    expect(term(3, 5, ZERO_UNIT_CRC)).toBe(0n);
  });

  it('has the terms that FORMAT.md lists', () => {
    const rows = [
      ...readDocument('../FORMAT.md').matchAll(
        /^\| (\d+) \| (\d+) \| 0x([0-9A-F]{8}) \| ([0-9a-f]{16}) \|$/gm,
      ),
    ];
    expect(rows).toHaveLength(6);
    for (const [, region, unit, crc, value] of rows) {
      expect(term(Number(region), Number(unit), Number(`0x${crc}`))).toBe(BigInt(`0x${value}`));
    }
  });

  it('agrees with the definition in 64-bit arithmetic', () => {
    const u32 = fc.nat(0xffffffff);
    fc.assert(
      fc.property(u32, fc.maxSafeNat(), u32, (region, unit, crc) => {
        expect(term(region, unit, crc)).toBe(referenceTerm(BigInt(region), BigInt(unit), BigInt(crc)));
      }),
    );
  });

  it('carries from the low half into the high half', () => {
    const digest = Uint32Array.of(0xffffffff, 0xffffffff);
    addUnit(digest, 1, 2, 3);
    expect(joinDigest(digest)).toBe(term(1, 2, 3) - 1n);
  });

  it('does not depend on the order in which pieces come, nor on their size', () => {
    const image = Uint8Array.from({ length: 6 * 4096 }, (_, index) => (index * 7919) >>> 3);
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 }), (units) => {
        const digest = new Uint32Array(2);
        for (const unit of units) {
          pureCodec.digestRun(image.subarray(unit * 4096, (unit + 1) * 4096), 0, 9, unit, digest);
        }
        expect(joinDigest(digest)).toBe(referenceDigest(image, 9, 0));
      }),
      { numRuns: 10 },
    );
  });

  it('is written with the high half first', () => {
    expect(formatDigest(Uint32Array.of(0x0000abcd, 0x01020304))).toBe('010203040000abcd');
  });
});

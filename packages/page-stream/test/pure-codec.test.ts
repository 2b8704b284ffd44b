import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../src/crc32c.ts';
import { pureCodec } from '../src/index.ts';
import { concat } from './raw-frames.ts';
import { joinDigest, referenceDigest } from './reference-checksums.ts';
import { page } from './sample-streams.ts';

/** A page that differs from zeros only in the byte at `at`. */
function almostZero(at: number, pageSize = 4096): Uint8Array {
  const bytes = new Uint8Array(pageSize);
  bytes[at] = 0x80;
  return bytes;
}

function zeroRuns(pages: Uint8Array, pageSize = 4096): number[] {
  const runLengths = new Uint32Array(pages.length / pageSize + 1);
  return [...runLengths.subarray(0, pureCodec.findZeroRuns(pages, pageSize, runLengths))];
}

describe('findZeroRuns', () => {
  it('alternates, data first', () => {
    expect(zeroRuns(concat([page(1), page(2), page(0), page(3)]))).toEqual([2, 1, 1]);
    expect(zeroRuns(concat([page(0), page(0), page(3)]))).toEqual([0, 2, 1]);
    expect(zeroRuns(page(0))).toEqual([0, 1]);
    expect(zeroRuns(page(1))).toEqual([1]);
    expect(zeroRuns(new Uint8Array())).toEqual([]);
  });

  it('counts in pages of the region', () => {
    expect(zeroRuns(concat([page(0), page(1), page(0), page(0)]), 8192)).toEqual([1, 1]);
  });

  it('finds a single byte, wherever it is', () => {
    fc.assert(
      fc.property(fc.nat(4095), (at) => {
        expect(zeroRuns(almostZero(at))).toEqual([1]);
      }),
    );
  });

  it('agrees with looking at each page, at any alignment', () => {
    const kinds = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(kinds, fc.nat(7), (zeros, skip) => {
        const packed = concat([new Uint8Array(skip), ...zeros.map((zero) => page(zero ? 0 : 1))]);
        const runs = zeroRuns(packed.subarray(skip));
        const expanded = runs.flatMap((length, index) => Array<boolean>(length).fill(index % 2 === 1));
        expect(expanded).toEqual(zeros);
        expect(runs.slice(1)).not.toContain(0);
      }),
    );
  });

  it('refuses what it cannot do', () => {
    expect(() => zeroRuns(new Uint8Array(4097))).toThrow(RangeError);
    expect(() => pureCodec.findZeroRuns(page(1, 8192), 4096, new Uint32Array(2))).toThrow(RangeError);
    expect(() => pureCodec.findZeroRuns(page(1), 0, new Uint32Array(9))).toThrow(RangeError);
  });
});

describe('digestRun', () => {
  it('returns the CRC of the run and adds its units, continuing from seed', () => {
    const pages = Uint8Array.from({ length: 3 * 4096 }, (_, index) => index >>> 5);
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(2 ** 40), (seed, region, unit) => {
        const digest = Uint32Array.of(5, 6);
        expect(pureCodec.digestRun(pages, seed, region, unit, digest)).toBe(crc32c(pages, seed));
        const added = referenceDigest(pages, region, unit * 4096);
        expect(joinDigest(digest)).toBe(BigInt.asUintN(64, added + joinDigest(Uint32Array.of(5, 6))));
      }),
      { numRuns: 20 },
    );
  });

  it('refuses what it cannot do', () => {
    const digest = new Uint32Array(2);
    expect(() => pureCodec.digestRun(new Uint8Array(4095), 0, 0, 0, digest)).toThrow(RangeError);
    expect(() => pureCodec.digestRun(page(1), 0, 0, -1, digest)).toThrow(RangeError);
    expect(() => pureCodec.digestRun(page(1), 0, 0, 2 ** 53, digest)).toThrow(RangeError);
    expect(() => pureCodec.digestRun(page(1), 0, 0, 0, new Uint32Array(1))).toThrow(RangeError);
  });
});

import { crc32c as oracle } from '@node-rs/crc32';
import { pureCodec } from '@stillframe/page-stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageCodec } from '../src/index.ts';

const UNIT = 4096;
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

/** Units that differ from one another, some of zeros, starting at an odd address. */
function units(seed: number, kinds: readonly boolean[]): Uint8Array {
  const memory = new Uint8Array(kinds.length * UNIT + 1).subarray(1);
  for (const [i, isData] of kinds.entries()) {
    if (!isData) continue;
    for (let j = 0; j < UNIT; j++) memory[i * UNIT + j] = Math.imul(seed + i * UNIT + j, 0x9e3779b1) >>> 24;
  }
  return memory;
}

describe('digestRun', () => {
  it('agrees with the pure codec for any units, seed, region, place and digest so far', () => {
    fc.assert(
      fc.property(
        fc.record({
          fill: u32,
          kinds: fc.array(fc.boolean(), { maxLength: 12 }),
          seed: u32,
          region: u32,
          firstUnit: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 12 }),
          before: fc.tuple(u32, u32),
        }),
        ({ fill, kinds, seed, region, firstUnit, before }) => {
          const pages = units(fill, kinds);
          const digest = Uint32Array.from(before);
          const expected = Uint32Array.from(before);
          const crc = pageCodec.digestRun(pages, seed, region, firstUnit, digest);
          expect(crc).toBe(pureCodec.digestRun(pages, seed, region, firstUnit, expected));
          expect(digest).toEqual(expected);
        },
      ),
    );
  });

  it('returns the CRC of the whole run, as the oracle has it', () => {
    const pages = units(3, [true, true, false, true]);
    const crc = pageCodec.digestRun(pages, 0x1234_5678, 0, 0, new Uint32Array(2));
    expect(crc).toBe(oracle(Buffer.from(pages), 0x1234_5678));
  });

  it('adds nothing for zeros', () => {
    const digest = Uint32Array.of(7, 8);
    pageCodec.digestRun(new Uint8Array(3 * UNIT), 0, 5, 6, digest);
    expect([...digest]).toEqual([7, 8]);
  });

  it('does not depend on how a region is cut into runs, or in which order they come', () => {
    const pages = units(9, [true, false, true, true, true]);
    const whole = new Uint32Array(2);
    pageCodec.digestRun(pages, 0, 2, 0xffff_fffe, whole);
    const parts = new Uint32Array(2);
    pageCodec.digestRun(pages.subarray(3 * UNIT), 0, 2, 0xffff_fffe + 3, parts);
    pageCodec.digestRun(pages.subarray(0, 3 * UNIT), 0, 2, 0xffff_fffe, parts);
    expect(parts).toEqual(whole);
  });

  it('carries from the low half into the high half, and wraps', () => {
    const pages = units(1, [true]);
    const digest = Uint32Array.of(0xffff_ffff, 0xffff_ffff);
    const fromZero = new Uint32Array(2);
    pageCodec.digestRun(pages, 0, 0, 0, digest);
    pageCodec.digestRun(pages, 0, 0, 0, fromZero);
    const [low = 0, high = 0] = fromZero;
    expect((BigInt(digest[1] ?? 0) << 32n) | BigInt(digest[0] ?? 0)).toBe(
      ((BigInt(high) << 32n) | BigInt(low)) - 1n,
    );
  });
});

describe('digestPages', () => {
  it('is digestRun, with what each page adds told apart', () => {
    fc.assert(
      fc.property(
        fc.record({
          fill: u32,
          kinds: fc.array(fc.boolean(), { maxLength: 4 }),
          unitsPerPage: fc.integer({ min: 1, max: 3 }),
          seed: u32,
          region: u32,
          firstUnit: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 12 }),
        }),
        ({ fill, kinds, unitsPerPage, seed, region, firstUnit }) => {
          const pageSize = unitsPerPage * UNIT;
          const pages = units(
            fill,
            kinds.flatMap((kind) => Array.from({ length: unitsPerPage }, () => kind)),
          );
          const terms = new Uint32Array(2 * kinds.length + 1).fill(9);
          const crc = pageCodec.digestPages(pages, seed, region, firstUnit, pageSize, terms);
          expect(crc).toBe(pureCodec.digestRun(pages, seed, region, firstUnit, new Uint32Array(2)));
          for (const page of kinds.keys()) {
            const term = new Uint32Array(2);
            const bytes = pages.subarray(page * pageSize, (page + 1) * pageSize);
            pureCodec.digestRun(bytes, 0, region, firstUnit + page * unitsPerPage, term);
            expect(terms.subarray(2 * page, 2 * page + 2)).toEqual(term);
          }
          expect(terms.at(-1)).toBe(9);
        },
      ),
    );
  });

  it.each<[string, number, number, number]>([
    ['a page size of 0', UNIT, 0, 2],
    ['a page size that is no multiple of a unit', 6144, 6144, 2],
    ['half a page', UNIT, 2 * UNIT, 2],
    ['room for too few terms', 2 * UNIT, UNIT, 3],
  ])('refuses %s', (_, sizeBytes, pageSize, words) => {
    const pages = new Uint8Array(sizeBytes);
    expect(() => pageCodec.digestPages(pages, 0, 0, 0, pageSize, new Uint32Array(words))).toThrow(RangeError);
  });
});

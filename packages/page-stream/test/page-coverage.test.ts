import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHUNK_PAGES, PageCoverage } from '../src/page-coverage.ts';

describe('PageCoverage', () => {
  it('agrees with a set of page numbers', () => {
    const pageCount = 2 * CHUNK_PAGES + 100;
    const run = fc.oneof(
      fc.tuple(fc.nat(pageCount - 1), fc.integer({ min: 1, max: 70 })),
      fc.tuple(
        fc.constantFrom(0, 50, CHUNK_PAGES - 3, CHUNK_PAGES, 2 * CHUNK_PAGES),
        fc.integer({ min: 1, max: pageCount }),
      ),
    );
    fc.assert(
      fc.property(fc.array(run, { maxLength: 8 }), (runs) => {
        const coverage = new PageCoverage(pageCount);
        const seen = new Uint8Array(pageCount);
        for (const [first, length] of runs) {
          const end = Math.min(first + length, pageCount);
          const fresh = !seen.subarray(first, end).includes(1);
          expect(coverage.cover(first, end - first)).toBe(fresh);
          if (!fresh) return;
          seen.fill(1, first, end);
          const missing = seen.indexOf(0);
          expect(coverage.firstMissing()).toBe(missing < 0 ? undefined : missing);
          expect(coverage.covered).toBe(seen.reduce((sum, one) => sum + one, 0));
        }
      }),
    );
  });

  it('notices a page that comes again after its chunk was full', () => {
    const coverage = new PageCoverage(CHUNK_PAGES + 1);
    expect(coverage.cover(0, CHUNK_PAGES - 1)).toBe(true);
    expect(coverage.cover(CHUNK_PAGES - 1, 2)).toBe(true);
    expect(coverage.cover(7, 1)).toBe(false);
    expect(coverage.firstMissing()).toBeUndefined();
  });

  it('spends no bits on what is covered whole, so the largest region is one cheap run', () => {
    const coverage = new PageCoverage(2 ** 30);
    expect(coverage.cover(0, 2 ** 30)).toBe(true);
    expect(coverage.bitBytes).toBe(0);
  });

  it('spends bits on chunks that are partly covered, and gives them back', () => {
    const coverage = new PageCoverage(3 * CHUNK_PAGES);
    coverage.cover(5, 2 * CHUNK_PAGES);
    expect(coverage.bitBytes).toBe(2 * (CHUNK_PAGES / 8));
    coverage.cover(0, 5);
    expect(coverage.bitBytes).toBe(CHUNK_PAGES / 8);
  });
});

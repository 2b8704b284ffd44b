import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PageSet } from '../src/pages/page-set.ts';

const regions = [
  { id: 0, name: 'a', sizeBytes: 40_000 * 4096, pageSize: 4096 },
  { id: 1, name: 'b', sizeBytes: 19 * 8192, pageSize: 8192 },
];
const pages = [40_000, 19];

const runs = fc.array(
  fc.integer({ min: 0, max: 1 }).chain((region) =>
    fc
      .tuple(fc.integer({ min: 0, max: pages[region]! - 1 }), fc.integer({ min: 1, max: 40 }))
      .map(([firstPage, count]) => ({
        region,
        firstPage,
        pageCount: Math.min(count, pages[region]! - firstPage),
      })),
  ),
  { maxLength: 12 },
);

function pagesOf(list: Iterable<{ region: number; firstPage: number; pageCount: number }>): Set<string> {
  const set = new Set<string>();
  for (const { region, firstPage, pageCount } of list) {
    for (let page = firstPage; page < firstPage + pageCount; page++) set.add(`${region}/${page}`);
  }
  return set;
}

describe('a set of pages', () => {
  it('has what was added and not taken away, in runs that ascend', () => {
    fc.assert(
      fc.property(runs, runs, (added, taken) => {
        const set = new PageSet(regions, added);
        for (const run of taken) set.delete(run);
        const expected = pagesOf(added);
        for (const page of pagesOf(taken)) expected.delete(page);
        const found = [...set.runs()];
        expect(pagesOf(found)).toEqual(expected);
        expect(set.count).toBe(expected.size);
        expect(found.every((run, index) => index === 0 || isBefore(found[index - 1]!, run))).toBe(true);
      }),
    );
  });

  it('comes through bitmaps as it was', () => {
    fc.assert(
      fc.property(runs, (added) => {
        const set = new PageSet(regions, added);
        const copy = new PageSet(regions);
        const bitmaps = [...set.bitmaps()];
        for (const bitmap of bitmaps) copy.addBitmap(bitmap);
        expect([...copy.runs()]).toEqual([...set.runs()]);
        expect(bitmaps.filter(({ last }) => last)).toHaveLength(added.length === 0 ? 0 : 1);
      }),
    );
  });

  it('is gone through from anywhere, each page once', () => {
    fc.assert(
      fc.property(
        runs,
        fc.integer({ min: 0, max: 1 }),
        fc.nat(18),
        fc.integer({ min: 1, max: 9 }),
        (added, region, page, max) => {
          const set = new PageSet(regions, added);
          const expected = pagesOf(added);
          let at = { region, page };
          for (
            let run = set.next(at.region, at.page, max);
            run !== undefined;
            run = set.next(at.region, at.page, max)
          ) {
            expect(run.pageCount).toBeLessThanOrEqual(max);
            for (const one of pagesOf([run])) expect(expected.delete(one)).toBe(true);
            set.delete(run);
            at = { region: run.region, page: run.firstPage + run.pageCount };
          }
          expect(expected.size).toBe(0);
        },
      ),
    );
  });
});

function isBefore(
  one: { region: number; firstPage: number; pageCount: number },
  other: { region: number; firstPage: number },
): boolean {
  return (
    one.region < other.region ||
    (one.region === other.region && one.firstPage + one.pageCount < other.firstPage)
  );
}

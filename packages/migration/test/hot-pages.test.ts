import { expect, it } from 'vitest';
import type { DirtyRun } from '../src/guest.ts';
import { HotPages } from '../src/source/hot-pages.ts';

const regions = [
  { id: 0, name: 'a', sizeBytes: 64 * 4096, pageSize: 4096 },
  { id: 1, name: 'b', sizeBytes: 64 * 4096, pageSize: 4096 },
];

const run = (firstPage: number, pageCount = 1, region = 0): DirtyRun => ({ region, firstPage, pageCount });

it('holds nothing back that is written for the first time', () => {
  const hot = new HotPages(regions);
  expect(hot.sift([run(3, 4)])).toEqual([run(3, 4)]);
  expect(hot.held).toEqual([]);
});

it('holds back what is written again, in its region only', () => {
  const hot = new HotPages(regions);
  hot.sift([run(3, 4)]);
  expect(hot.sift([run(5, 4), run(3, 1, 1)])).toEqual([run(7, 2), run(3, 1, 1)]);
  expect(hot.held).toEqual([run(5, 2)]);
});

it('sends what is held when a round goes by without a write to it', () => {
  const hot = new HotPages(regions);
  hot.sift([run(3, 4)]);
  hot.sift([run(3, 4)]);
  expect(hot.sift([run(4)])).toEqual([run(3), run(5, 2)]);
  expect(hot.held).toEqual([run(4)]);
  expect(hot.sift([])).toEqual([run(4)]);
  expect(hot.held).toEqual([]);
});

it('holds a page back for as long as it is written', () => {
  const hot = new HotPages(regions);
  hot.sift([run(3)]);
  for (const _ of [1, 2, 3]) expect(hot.sift([run(3)])).toEqual([]);
  expect(hot.held).toEqual([run(3)]);
});

it('lets go of what it holds, together with what was written, each page once', () => {
  const hot = new HotPages(regions);
  hot.release([run(3, 2)]);
  hot.sift([run(3, 2)]);
  expect(hot.release([run(4, 2)])).toEqual([run(3, 3)]);
  expect(hot.held).toEqual([]);
});

it('expects as many to cool as did the last time', () => {
  const hot = new HotPages(regions);
  hot.sift([run(0, 8)]);
  hot.sift([run(0, 8)]);
  expect(hot.expectedCoolPages).toBe(0);
  hot.sift([run(0, 6)]);
  expect(hot.expectedCoolPages).toBe(1.5);
});

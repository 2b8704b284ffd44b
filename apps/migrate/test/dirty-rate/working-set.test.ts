import { describe, expect, test } from 'vitest';
import type { PageRun } from '../../src/dirty-rate/page-age.ts';
import { WorkingSet } from '../../src/dirty-rate/working-set.ts';

const PAGE = 4096;

/** By definition: the mean, over all windows of that length, of how many pages are in it. */
function naive(samples: readonly (readonly PageRun[])[], length: number): number {
  let sum = 0;
  let windows = 0;
  for (let from = 0; from + length <= samples.length; from++) {
    const pages = new Set<number>();
    for (const runs of samples.slice(from, from + length)) {
      for (const { firstPage, pageCount } of runs) {
        for (let page = firstPage; page < firstPage + pageCount; page++) pages.add(page);
      }
    }
    sum += pages.size;
    windows += 1;
  }
  return (sum / windows) * PAGE;
}

/** A small generator with a fixed seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('the working set', () => {
  test.for([1, 2, 3])('is that of the definition, seed %i', (seed) => {
    const next = random(seed);
    // Across the border between two pieces of page ages, too.
    const base = 2 ** 18 - 40;
    const samples = Array.from({ length: 23 }, () => {
      const first = Math.floor(next() * 60);
      const second = first + 5 + Math.floor(next() * 20);
      return [
        { firstPage: base + first, pageCount: 1 + Math.floor(next() * 4) },
        { firstPage: base + second, pageCount: 1 + Math.floor(next() * 9) },
      ];
    });
    const set = new WorkingSet(samples.length, 100);
    for (const [sample, runs] of samples.entries()) set.add(sample, runs);
    const curve = set.curve();
    expect(curve.map(({ intervalMs }) => intervalMs)).toEqual([100, 200, 400, 800, 1600, 2300]);
    for (const { intervalMs, bytes } of curve) expect(bytes).toBeCloseTo(naive(samples, intervalMs / 100), 6);
  });

  test('of one sample is that sample', () => {
    const set = new WorkingSet(1, 50);
    set.add(0, [{ firstPage: 7, pageCount: 3 }]);
    expect(set.curve()).toEqual([{ intervalMs: 50, bytes: 3 * PAGE }]);
  });

  test('of a page that is written all the time is that page, however long the window', () => {
    const set = new WorkingSet(8, 100);
    for (let sample = 0; sample < 8; sample++) set.add(sample, [{ firstPage: 1, pageCount: 1 }]);
    expect(set.curve().map(({ bytes }) => bytes)).toEqual([PAGE, PAGE, PAGE, PAGE]);
  });
});

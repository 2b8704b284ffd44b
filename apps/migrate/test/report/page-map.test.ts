import { expect, test } from 'vitest';
import { bar, shades, showPercent } from '../../src/report/bars.ts';
import { PageMapText } from '../../src/report/page-map.ts';

const regionOf = (id: number, pages: number) => ({
  id,
  name: `region-${id}`,
  sizeBytes: pages * 4096,
  pageSize: 4096,
});

test('a bar: nothing, something, half, all', () => {
  expect([0, 0.001, 0.5, 0.75, 1, 2].map((share) => bar(share, 4))).toEqual([
    '    ',
    '▏   ',
    '██  ',
    '███ ',
    '████',
    '████',
  ]);
});

test('shades: only nothing is a dot, only all is full', () => {
  expect(shades([0, 0.001, 0.34, 0.67, 0.999, 1])).toBe('·░▒▓▓█');
  expect([0, 0.0123, 0.5, 1].map(showPercent)).toEqual(['0.0 %', '1.23 %', '50.0 %', '100.0 %']);
});

test('a region of fewer pages than there are characters has one for each', () => {
  const map = new PageMapText([regionOf(0, 5), regionOf(1, 3)]);
  map.add({ region: 0, firstPage: 0, pageCount: 1 });
  map.add({ region: 0, firstPage: 3, pageCount: 2 });
  expect(map.pages).toBe(3);
  expect(map.text('lost')).toBe('  region-0: 3 of 5 pages lost: 0, 3–4\n    █··██');
});

test('a large region: each character is a stretch, runs go over several', () => {
  // 100 pages in 64 characters: one or two pages each.
  const map = new PageMapText([regionOf(0, 100)]);
  map.add({ region: 0, firstPage: 1, pageCount: 1 });
  map.add({ region: 0, firstPage: 50, pageCount: 50 });
  const [words, drawn] = map.text('differ').split('\n');
  expect(words).toBe('  region-0: 51 of 100 pages differ: 1, 50–99');
  expect(drawn).toBe(`    ·▒${'·'.repeat(30)}${'█'.repeat(32)}`);
});

test('a terabyte, and more runs than are spelled out', () => {
  const map = new PageMapText([regionOf(0, 2 ** 28)]);
  for (let run = 0; run < 20; run++) map.add({ region: 0, firstPage: run * 2 ** 20, pageCount: 1 });
  expect(map.text('differ')).toContain('and 12 more runs');
  const whole = new PageMapText([regionOf(0, 2 ** 28)]);
  whole.add({ region: 0, firstPage: 0, pageCount: 2 ** 28 });
  expect(whole.text('differ')).toContain('█'.repeat(64));
});

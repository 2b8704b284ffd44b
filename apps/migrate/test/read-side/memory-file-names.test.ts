import { expect, test } from 'vitest';
import { memoryFileNames } from '../../src/io/memory-file-names.ts';

test('plain names are kept', () => {
  expect(memoryFileNames(['heap', 'a.b-c_1'])).toEqual(['heap.mem', 'a.b-c_1.mem']);
});

test('names that are paths, hidden, strange or too long get the number of their region', () => {
  const names = ['../x', '/etc/passwd', '.hidden', '', 'ä', 'a b', '..', 'x'.repeat(101)];
  expect(memoryFileNames(names)).toEqual(names.map((_, id) => `region-${id}.mem`));
  expect(memoryFileNames(['x'.repeat(100)])).toEqual([`${'x'.repeat(100)}.mem`]);
});

test('no two regions share a file', () => {
  expect(memoryFileNames(['heap', 'heap', 'HEAP', 'region-1'])).toEqual([
    'heap.mem',
    'region-1.mem',
    'region-2.mem',
    'region-3.mem',
  ]);
});

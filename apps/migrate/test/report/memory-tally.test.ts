import { expect, test } from 'vitest';
import { type MemoryOfProcess, tallyMemory } from '../../src/report/memory-tally.ts';

const PAGE = 4096;

/** Mappings and regions by pages: [kind, first page, page count]. */
function stateOf(
  mappings: readonly (readonly [
    kind: MemoryOfProcess['mappings'][number]['kind'],
    start: number,
    pages: number,
  ])[],
  regions: readonly (readonly [start: number, pages: number])[],
): MemoryOfProcess {
  return {
    mappings: mappings.map(([kind, start, pages]) => ({
      kind,
      start: BigInt(start * PAGE),
      end: BigInt((start + pages) * PAGE),
    })),
    regions: regions.map(([start, pages]) => ({ address: BigInt(start * PAGE), sizeBytes: pages * PAGE })),
  };
}

test('regions count for the kinds of the mappings that they lie in, the largest first', () => {
  const { mappings, regions } = stateOf(
    [
      ['private-file', 1, 4],
      ['anonymous', 10, 10],
      ['anonymous', 20, 5],
      ['heap', 25, 5],
      ['vvar', 40, 2],
    ],
    [
      [1, 1],
      // Over two mappings that touch each other, and into a third of another kind.
      [15, 12],
    ],
  );
  expect(tallyMemory({ mappings, regions })).toEqual([
    { kind: 'anonymous', mappings: 2, sizeBytes: 15 * PAGE, inBytes: 10 * PAGE },
    { kind: 'heap', mappings: 1, sizeBytes: 5 * PAGE, inBytes: 2 * PAGE },
    { kind: 'private-file', mappings: 1, sizeBytes: 4 * PAGE, inBytes: PAGE },
    { kind: 'vvar', mappings: 1, sizeBytes: 2 * PAGE, inBytes: 0 },
  ]);
});

test('a process without memory', () => {
  expect(tallyMemory({ mappings: [], regions: [] })).toEqual([]);
});

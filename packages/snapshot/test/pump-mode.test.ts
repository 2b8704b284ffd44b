import { expect, test } from 'vitest';
import { pumpMode } from '../src/pump-mode.ts';

const capture = { preImagesMaxBytes: 1, overflow: 'stall' } as const;

test.each([
  // Slabs under way, buffers: batches, slabs in each.
  [1, 8, 1, 1],
  [3, 8, 3, 1],
  [4, 8, 2, 2],
  [8, 8, 2, 4],
  [32, 64, 8, 4],
  [8, 3, 8, 1],
  [8, 5, 4, 2],
  [8, undefined, 8, 1],
])('%d slabs, %s buffers: %d batches of %d', (slabsUnderWay, buffers, maxBatches, maxSlabs) => {
  expect(pumpMode(capture, { slabsUnderWay, buffers })).toMatchObject({ maxBatches, maxSlabs });
});

test('inline nothing is packed together', () => {
  const mode = pumpMode({ ...capture, preImagesMaxBytes: 0 }, { slabsUnderWay: 8, buffers: 8 });
  expect(mode).toMatchObject({ maxBatches: 1, maxSlabs: 1, isInline: true });
});

import { describe, expect, it } from 'vitest';
import { driveBuffered, quietObservation, SCENARIOS } from '../src/compliance.ts';
import { reserve } from '../src/index.ts';

const PAGE = 4096;

/** Pages granted with this many held by faults and sweep together, of a store of 64. */
function pagesWith(heldPages: number, share: string | number, pagesLeft = 1000): number {
  const preImages = { bytes: heldPages * PAGE, maxBytes: 64 * PAGE };
  return reserve({ share }).step(null, quietObservation({ preImages, pagesLeft })).grant.pages;
}

describe('of a store of 64 pages', () => {
  it.each([
    ['an empty one takes a quarter', 0, '3/4', 16],
    ['what is held counts, whoever holds it', 15, '3/4', 1],
    ['at the mark nothing more', 16, '3/4', 0],
    ['nor above it', 64, '3/4', 0],
    ['nor when it has spilled', 1000, '3/4', 0],
    ['all of it', 0, 0, 64],
    ['an empty one takes a page, even if all is reserved', 0, 1, 1],
    ['but not a second one', 1, 1, 0],
    ['part of a page is none', 0, 0.99, 1],
  ] as const)('%s', (_what, heldPages, share, pages) => {
    expect(pagesWith(heldPages, share)).toBe(pages);
  });

  it('by default an eighth', () => {
    const preImages = { bytes: 0, maxBytes: 64 * PAGE };
    expect(reserve().step(null, quietObservation({ preImages })).grant.pages).toBe(8);
  });

  it('no more than is left', () => {
    expect(pagesWith(0, '3/4', 5)).toBe(5);
  });
});

it('keeps nothing free where there is no store', () => {
  const inline = quietObservation({ preImages: { bytes: 0, maxBytes: 0 }, pagesLeft: 9 });
  expect(reserve().step(null, inline).grant).toEqual({
    pages: 9,
    notBeforeNs: inline.nowNs,
    wakeOnFault: false,
    reason: 'store has room',
  });
});

it.each(SCENARIOS)('the sweep never has more than its share: $name', (scenario) => {
  let most = 0;
  driveBuffered(reserve(), scenario, {
    onStep: (_state, { sweptPagesHeld = 0, preImages }, { grant }) => {
      const mark = Math.max(scenario.pageSize, preImages.maxBytes / 8);
      most = Math.max(most, ((sweptPagesHeld + grant.pages) * scenario.pageSize) / mark);
    },
  });
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(1);
});

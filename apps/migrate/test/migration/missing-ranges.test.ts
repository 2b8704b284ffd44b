import { describe, expect, it } from 'vitest';
import { gapsIn, missingRanges } from '../../src/migration/missing-ranges.ts';

function run(region: number, firstPage: number, pageCount = 1) {
  return { region, firstPage, pageCount };
}

const scattered = [run(0, 1), run(0, 3, 2), run(0, 100), run(1, 0), run(1, 2)];

describe('missing ranges', () => {
  it('are the runs, while there are few', () => {
    expect(missingRanges(scattered)).toEqual(scattered);
    expect(gapsIn(scattered, scattered)).toEqual([]);
  });

  it('are joined across the smallest gaps when there are many, never across regions', () => {
    const ranges = missingRanges(scattered, 3);
    expect(ranges).toEqual([run(0, 1, 4), run(0, 100), run(1, 0, 3)]);
    expect(gapsIn(ranges, scattered)).toEqual([run(0, 2), run(1, 1)]);
  });

  it('join what lies side by side', () => {
    expect(missingRanges([run(0, 1), run(0, 2, 3)])).toEqual([run(0, 1, 4)]);
  });
});

import { describe, expect, test } from 'vitest';
import { StallCounts } from '../../src/workloads/stall-counts.ts';
import { stallPhases } from '../../src/workloads/workload.ts';

function counts(): StallCounts {
  return new StallCounts(new SharedArrayBuffer(StallCounts.sizeBytes), 0);
}

const BEFORE = stallPhases.indexOf('before');
const DURING = stallPhases.indexOf('during');

describe('StallCounts', () => {
  test('nothing counted is all zero', () => {
    const none = { count: 0, p50Us: 0, p99Us: 0, p999Us: 0, maxUs: 0 };
    expect(StallCounts.summarise([counts()])).toEqual({ before: none, during: none, after: none });
  });

  test('keeps the phases apart, and adds the writers up', () => {
    const [first, second] = [counts(), counts()];
    for (let index = 0; index < 99; index++) first.record(DURING, 0.001);
    second.record(DURING, 5);
    second.record(BEFORE, 0.002);
    const { before, during, after } = StallCounts.summarise([first, second]);
    expect(before.count).toBe(1);
    expect(after.count).toBe(0);
    expect(during.count).toBe(100);
    expect(during.p50Us).toBeGreaterThanOrEqual(1);
    expect(during.p50Us).toBeLessThan(1.0625);
    expect(during.p99Us).toBeLessThan(1.0625);
    expect(during.p999Us).toBe(5000);
    expect(during.maxUs).toBe(5000);
  });

  test('a clock that steps back counts as no time', () => {
    const stalls = counts();
    stalls.record(BEFORE, -0.5);
    expect(StallCounts.summarise([stalls]).before).toEqual({
      count: 1,
      p50Us: 0,
      p99Us: 0,
      p999Us: 0,
      maxUs: 0,
    });
  });
});

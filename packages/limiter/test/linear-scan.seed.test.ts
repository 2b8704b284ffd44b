import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { driveInline, type InlineScript } from '../src/compliance.ts';
import { linearScan } from '../src/index.ts';
import { type SeedDecision, seedLoop } from './seed-loop.ts';

const MS = 1e6;
const START = 1e12;

/** The same script through the limiter and the driver of inline mode. */
function throughLimiter(script: InlineScript): SeedDecision[] {
  const counters: number[] = [];
  const decisions = driveInline(linearScan(), script, ({ state }, pageOut) => {
    if (pageOut) counters.push(state.waitsLeft);
  });
  return decisions.map(({ cause, page, atNs }, index) => ({
    cause,
    page,
    atNs,
    counter: counters[index] ?? Number.NaN,
  }));
}

/** A sink that is quick but for a few pages which take 30 ms; a guest that writes here and there. */
const SLOW_PAGES = new Set([100, 105, 130, 700]);
const SCRIPTED: InlineScript = {
  pageCount: 1200,
  pageSize: 4096,
  startNs: START,
  saveNs: (nth) => (SLOW_PAGES.has(nth) ? 30 * MS : 40_000),
  writes: [
    { atNs: START + 1 * MS, page: 900 }, // quick: no throttle
    { atNs: START + 3.9 * MS, page: 950 },
    { atNs: START + 10 * MS, page: 901 }, // waits 24 ms behind the sweep's slow page 100, which the seed does not see
    { atNs: START + 34 * MS, page: 902 },
    { atNs: START + 34.1 * MS, page: 903 },
    { atNs: START + 34.1 * MS, page: 904 }, // is slow itself, as page 105 to go out: 200 waits
    { atNs: START + 34.1 * MS, page: 905 }, // waits behind it, and ends its wait at once
    { atNs: START + 70 * MS, page: 906 }, // ends a wait early
    { atNs: START + 74 * MS, page: 907 },
    { atNs: START + 79 * MS, page: 2 }, // is saved already: no fault
    { atNs: START + 177 * MS, page: 908 }, // slow while throttled, as page 130: 200 waits anew
    { atNs: START + 1250 * MS, page: 1199 }, // at full speed again
  ],
};

describe('linear-scan in inline mode decides as the seed does', () => {
  it('in a scripted capture, one by one', () => {
    const seed = seedLoop(SCRIPTED);
    // The script is worth something only if all of that happens.
    const faults = seed.filter(({ cause }) => cause === 'fault');
    expect(faults.map(({ page }) => page)).toEqual([900, 950, 901, 902, 903, 904, 905, 906, 907, 908, 1199]);
    expect(faults.map(({ counter }) => counter)).toEqual([0, 0, 0, 0, 0, 199, 198, 196, 195, 199, 0]);

    const limited = throughLimiter(SCRIPTED);
    for (const [index, decision] of seed.entries()) expect(limited[index]).toEqual(decision);
    expect(limited).toHaveLength(seed.length);
  });

  it('in any capture', () => {
    const saves = fc.array(fc.constantFrom(10_000, 1 * MS, 5 * MS, 5 * MS + 1, 30 * MS), { minLength: 1 });
    const write = fc.record({
      atNs: fc.oneof(
        fc.integer({ min: 0, max: 2000 * MS }),
        fc.integer({ min: 0, max: 400 }).map((n) => n * 5 * MS),
      ),
      page: fc.nat({ max: 399 }),
    });
    fc.assert(
      fc.property(saves, fc.array(write, { maxLength: 300 }), (costs, writes) => {
        const script: InlineScript = {
          pageCount: 400,
          pageSize: 4096,
          startNs: START,
          saveNs: (nth) => costs[nth % costs.length] ?? 0,
          writes: writes
            .map(({ atNs, page }) => ({ atNs: START + atNs, page }))
            .toSorted((a, b) => a.atNs - b.atNs),
        };
        expect(throughLimiter(script)).toEqual(seedLoop(script));
      }),
      { numRuns: 200 },
    );
  });
});

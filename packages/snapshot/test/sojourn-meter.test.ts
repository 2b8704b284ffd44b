import { describe, expect, it } from 'vitest';
import type { Slab } from '../src/index.ts';
import { heldSince, SojournMeter } from '../src/sojourn-meter.ts';

function slab(heldSinceNs: number): Slab {
  return { region: 0, runs: [], bytes: new Uint8Array(0), cause: 'sweep', heldSinceNs, release: () => {} };
}

const batch = (...times: readonly number[]) => heldSince(times.map(slab))!;

describe('sojourn', () => {
  it('of nothing is 0', () => {
    expect(new SojournMeter().level(5)).toEqual({ minNs: 0, maxNs: 0, oldestNs: 0 });
    expect(heldSince([])).toBeUndefined();
  });

  it('is the shortest and longest of what has left since the last look, and the age of the oldest', () => {
    const meter = new SojournMeter();
    const [first, second] = [batch(30, 10, 20), batch(5, 40)];
    meter.pulled(first);
    meter.pulled(second);
    expect(meter.level(50)).toEqual({ minNs: 0, maxNs: 0, oldestNs: 45 });
    meter.released(first, 60);
    expect(meter.level(70)).toEqual({ minNs: 30, maxNs: 50, oldestNs: 65 });
    meter.released(second, 80);
    expect(meter.level(90)).toEqual({ minNs: 40, maxNs: 75, oldestNs: 0 });
    expect(meter.level(90)).toEqual({ minNs: 0, maxNs: 0, oldestNs: 0 });
  });

  it('of a batch that leaves in the moment that it came is 0, not nothing', () => {
    const meter = new SojournMeter();
    meter.pulled(batch(10));
    const now = batch(10);
    meter.pulled(now);
    meter.released(now, 10);
    expect(meter.level(10)).toEqual({ minNs: 0, maxNs: 0, oldestNs: 0 });
  });
});

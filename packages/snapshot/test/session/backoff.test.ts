import { describe, expect, it } from 'vitest';
import { Backoff, BACKOFF_BASE_MS, BACKOFF_MAX_MS } from '../../src/index.ts';

describe('Backoff', () => {
  it('doubles, up to a limit', () => {
    const backoff = new Backoff(1e9, () => 1);
    const waits = Array.from({ length: 8 }, () => backoff.next());
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    expect([waits[0], waits.at(-1)]).toEqual([BACKOFF_BASE_MS, BACKOFF_MAX_MS]);
  });

  it('is between half of that and all of it, by chance', () => {
    expect(new Backoff(1e9, () => 0).next()).toBe(50);
    expect(new Backoff(1e9, () => 0.5).next()).toBe(75);
    expect(new Backoff(1e9, () => 0.999_999).next()).toBeLessThan(100);
  });

  it('begins anew when something came through', () => {
    const backoff = new Backoff(1e9, () => 1);
    backoff.next();
    backoff.next();
    backoff.progressed();
    expect(backoff.next()).toBe(100);
  });

  it('tries a last time at the end of the budget, and not after it', () => {
    const backoff = new Backoff(130, () => 1);
    expect(backoff.next()).toBe(100);
    backoff.spent(100);
    expect(backoff.next()).toBe(30);
    backoff.spent(29);
    expect(backoff.next()).toBe(1);
    backoff.spent(1);
    expect(backoff.next()).toBeUndefined();
    expect(backoff.spentMs).toBe(130);
  });

  it('does not get time back by progress', () => {
    const backoff = new Backoff(100, () => 1);
    backoff.spent(100);
    backoff.progressed();
    expect(backoff.next()).toBeUndefined();
  });
});

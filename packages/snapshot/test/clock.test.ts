import { describe, expect, it } from 'vitest';
import { monotonicClock } from '../src/index.ts';
import { simulatedClock } from '../src/simulated/index.ts';

describe('the real clock', () => {
  it('is the one that native threads read', () => {
    const before = Number(process.hrtime.bigint());
    const nowNs = monotonicClock.nowNs();
    expect(nowNs).toBeGreaterThanOrEqual(before);
    expect(nowNs).toBeLessThanOrEqual(Number(process.hrtime.bigint()));
  });

  it('waits, and stops waiting when told', async () => {
    const startNs = monotonicClock.nowNs();
    await monotonicClock.after(2);
    // setTimeout may fire up to 1 ms early against this clock.
    expect(monotonicClock.nowNs() - startNs).toBeGreaterThanOrEqual(1_000_000);
    const abort = new AbortController();
    const waiting = monotonicClock.after(3_600_000, abort.signal);
    abort.abort();
    await waiting;
    await monotonicClock.after(3_600_000, abort.signal);
  });
});

describe('a simulated clock', () => {
  it('stands still until it is moved', async () => {
    const clock = simulatedClock({ startNs: 100 });
    const fired: string[] = [];
    const note = (name: string) => () => {
      fired.push(name);
      return undefined;
    };
    const late = clock.after(3).then(note('late'));
    const early = clock.after(1).then(note('early'));
    clock.advance(1_000_000);
    await early;
    expect(fired).toEqual(['early']);
    expect(clock.nowNs()).toBe(1_000_100);
    clock.advance(5_000_000);
    await late;
    expect(fired).toEqual(['early', 'late']);
    expect(clock.nowNs()).toBe(6_000_100);
  });

  it('moves by itself when everybody waits', async () => {
    const clock = simulatedClock({ startNs: 0, autoAdvance: true });
    const order: number[] = [];
    await Promise.all(
      [5, 1, 3].map(async (delayMs) => {
        await clock.after(delayMs);
        order.push(clock.nowNs() / 1e6);
      }),
    );
    expect(order).toEqual([1, 3, 5]);
  });

  it('forgets a wait that was given up', async () => {
    const clock = simulatedClock({ startNs: 0, autoAdvance: true });
    const abort = new AbortController();
    const waiting = clock.after(1000, abort.signal);
    abort.abort();
    await waiting;
    await clock.after(1);
    expect(clock.nowNs()).toBe(1e6);
  });
});

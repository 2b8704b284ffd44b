import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RateWindow } from '../src/rate-window.ts';

const WINDOW_NS = 1_600_000;
const SLOT_NS = WINDOW_NS / 16;

describe('rate window', () => {
  it('is 0 before anything came, and at the very start', () => {
    const window = new RateWindow(50 * SLOT_NS, WINDOW_NS);
    expect(window.perSecond(50 * SLOT_NS)).toBe(0);
    window.add(50 * SLOT_NS, 1000);
    expect(window.perSecond(50 * SLOT_NS)).toBe(0);
    expect(window.perSecond(51 * SLOT_NS)).toBe((1000 / SLOT_NS) * 1e9);
  });

  it('forgets what is older than the window', () => {
    const window = new RateWindow(0, WINDOW_NS);
    window.add(0, 1_000_000);
    window.add(15 * SLOT_NS, 16);
    expect(window.perSecond(15 * SLOT_NS)).toBeGreaterThan(16);
    // One slot later the first one is gone: the window reaches back to the start of slot 1.
    expect(window.perSecond(16 * SLOT_NS)).toBe((16 / (15 * SLOT_NS)) * 1e9);
    expect(window.perSecond(100 * SLOT_NS)).toBe(0);
  });

  it('spreads what came over a time', () => {
    const window = new RateWindow(0, WINDOW_NS);
    window.add(4 * SLOT_NS, 400, 0);
    expect(window.perSecond(4 * SLOT_NS)).toBe((400 / (4 * SLOT_NS)) * 1e9);
    // Slot 0 leaves the window with its quarter.
    expect(window.perSecond(16 * SLOT_NS)).toBeCloseTo((300 / (15 * SLOT_NS)) * 1e9, 6);
  });

  it('forgets what of a long time lies before the window', () => {
    const window = new RateWindow(0, WINDOW_NS);
    window.add(100 * SLOT_NS, 1000, 0);
    expect(window.perSecond(100 * SLOT_NS)).toBeCloseTo((1000 / (100 * SLOT_NS)) * 1e9, 6);
  });

  it('is the rate of a steady flow', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 * SLOT_NS }),
        fc.integer({ min: 1, max: 1e6 }),
        (stepNs, bytes) => {
          const window = new RateWindow(0, WINDOW_NS);
          let nowNs = 0;
          for (let step = 0; nowNs < 3 * WINDOW_NS && step < 2000; step++) {
            nowNs += stepNs;
            window.add(nowNs, bytes);
          }
          const exact = (bytes / stepNs) * 1e9;
          // A step more or less in a window of at least 15 slots, or in what there was so far.
          const slack = (bytes / Math.min(nowNs, 15 * SLOT_NS)) * 1e9;
          expect(Math.abs(window.perSecond(nowNs) - exact)).toBeLessThanOrEqual(slack * 1.001);
        },
      ),
    );
  });
});

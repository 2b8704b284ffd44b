import { describe, expect, it } from 'vitest';
import { PULL_BYTES, PullWindow } from '../src/destination/pull-window.ts';

const US = 1000;

/** Answers of one window, each as slow as said. */
function round(window: PullWindow, ...tookUs: number[]): number {
  const count = window.bytes / PULL_BYTES;
  for (let index = 0; index < count; index++) window.came(PULL_BYTES, (tookUs[index] ?? tookUs.at(-1)!) * US);
  return window.bytes;
}

describe('the window of pages that nobody waits for', () => {
  it('opens while answers are as quick as ever', () => {
    const window = new PullWindow();
    const first = window.bytes;
    expect(round(window, 1000)).toBe(2 * first);
    expect(round(window, 1100)).toBe(4 * first);
  });

  it('is made smaller when all answers stand in a queue, and opens slowly afterwards', () => {
    const window = new PullWindow();
    round(window, 1000);
    const open = round(window, 1000);
    const less = round(window, 1201);
    expect(less).toBeLessThan(open);
    expect(round(window, 1200)).toBe(less + PULL_BYTES);
  });

  it('takes no notice of one answer that was slow', () => {
    const window = new PullWindow();
    const first = window.bytes;
    expect(round(window, 9000, 1000, 9000)).toBe(2 * first);
  });

  it('never closes, and never grows beyond what a link holds', () => {
    const window = new PullWindow();
    const first = window.bytes;
    round(window, 1000);
    for (let index = 0; index < 50; index++) round(window, 5000);
    expect(window.bytes).toBe(first);
    const wide = new PullWindow();
    for (let index = 0; index < 20; index++) round(wide, 1000);
    expect(wide.bytes).toBe(8 * 1024 * 1024);
  });
});

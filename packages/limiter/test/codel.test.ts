import { describe, expect, it } from 'vitest';
import { quietObservation } from '../src/compliance.ts';
import { codel, type CodelState } from '../src/index.ts';

const MiB = 2 ** 20;
const MS = 1e6;
const T = 1e12;
const limiter = codel({ targetMs: 5, intervalMs: 100, minWindow: MiB });

interface Seen {
  readonly stayMs: number;
  readonly storeBytes?: number;
  readonly heldPages?: number;
}

/** What a driver sees when pages leave at `atMs`. */
const leaving = (atMs: number, { stayMs, storeBytes = 64 * MiB, heldPages = 4096 }: Seen) =>
  quietObservation({
    nowNs: T + atMs * MS,
    sweptPages: 1,
    sweptPagesHeld: heldPages,
    preImages: {
      bytes: storeBytes,
      maxBytes: 256 * MiB,
      sojourn: { minNs: stayMs * MS, maxNs: 2 * stayMs * MS, oldestNs: 0 },
    },
  });

/** The windows, in MiB, after pages have left at these times. */
function windows(times: readonly number[], seen: Seen | ((atMs: number) => Seen)): number[] {
  let state: CodelState = limiter.initial(T);
  return times.map((atMs) => {
    ({ state } = limiter.step(state, leaving(atMs, typeof seen === 'function' ? seen(atMs) : seen)));
    return state.windowBytes / MiB;
  });
}

/** Stays of 50 ms, but good ones at one time. */
const badBut =
  (goodMs: number) =>
  (atMs: number): Seen => ({ stayMs: atMs === goodMs ? 1 : 50 });

/** Bad for an interval, then good, and used for two more. */
const recovering = (atMs: number): Seen => ({
  stayMs: atMs <= 100 ? 50 : 1,
  heldPages: atMs <= 300 ? 4096 : 0,
});

const UNLIMITED = 2 ** 50 / MiB;

describe('the window', () => {
  it('stays open while stays are below the target', () => {
    expect(windows([0, 50, 100, 150, 1000], { stayMs: 4.999 })).toEqual(Array(5).fill(UNLIMITED));
  });

  it('is halved, from what is held, when stays have been above it for an interval', () => {
    expect(windows([0, 50, 99.999, 100], { stayMs: 5 })).toEqual([UNLIMITED, UNLIMITED, UNLIMITED, 8]);
  });

  it('again after an interval, then sooner: by the square root of how often', () => {
    const second = 100 + 100;
    const third = second + 100 / Math.sqrt(2);
    const times = [0, 100, second - 0.001, second, third - 0.001, third + 0.001];
    expect(windows(times, { stayMs: 5 })).toEqual([UNLIMITED, 8, 8, 4, 4, 2]);
  });

  it('is never narrower than the least', () => {
    const times = Array.from({ length: 100 }, (_, index) => index * 100);
    expect(windows(times, { stayMs: 50 }).at(-1)).toBe(1);
  });

  it('one good stay is enough to begin anew', () => {
    expect(windows([0, 99, 100, 150, 199], badBut(99))).toEqual(Array(5).fill(UNLIMITED));
  });

  it('a store with little in it is no queue, however long that stays', () => {
    expect(windows([0, 100, 200], { stayMs: 5000, storeBytes: MiB })).toEqual(Array(3).fill(UNLIMITED));
    expect(windows([0, 100, 200], { stayMs: 5000, storeBytes: MiB + 1 }).at(-1)).toBeLessThan(UNLIMITED);
  });

  it('grows by the least an interval, while it is used and the queue is good', () => {
    expect(windows([0, 100, 200, 250, 300, 400], recovering)).toEqual([UNLIMITED, 8, 9, 9.5, 10, 10]);
  });

  it('remembers how bad it was for a while', () => {
    // Five drops, good for a moment, then bad for an interval: the next drops come faster than the first ones did.
    const bad = [0, 100, 200, 271, 329, 379];
    let state = limiter.initial(T);
    for (const atMs of [...bad, 390, 400, 500])
      ({ state } = limiter.step(state, leaving(atMs, badBut(390)(atMs))));
    expect(state).toMatchObject({ dropping: true, count: 4 });
    state = { ...state, dropping: false, aboveForNs: null, sinceDropNs: 1600 * MS };
    for (const atMs of [2200, 2300]) ({ state } = limiter.step(state, leaving(atMs, { stayMs: 50 })));
    expect(state).toMatchObject({ dropping: true, count: 1 });
  });
});

describe('grants', () => {
  const state = { ...limiter.initial(T), windowBytes: 2 * MiB };

  it.each([
    ['what is left of the window', 100, 4096, 412],
    ['nothing when it is full', 512, 4096, 0],
    ['nothing when it is more than full', 4096, 4096, 0],
    ['a page that is larger than it, alone', 0, 4 * MiB, 1],
    ['not a second one', 1, 4 * MiB, 0],
  ])('%s', (_what, sweptPagesHeld, pageSize, pages) => {
    const { grant } = limiter.step(state, quietObservation({ nowNs: T, sweptPagesHeld, pageSize }));
    expect(grant).toMatchObject({ pages, notBeforeNs: T, reason: 'window' });
  });
});

describe('a driver that does not measure stays', () => {
  const unmeasured = (atMs: number, bytes: number, drainBytesPerSecond: number) =>
    quietObservation({
      nowNs: T + atMs * MS,
      sweptPages: 1,
      preImages: { bytes, maxBytes: 256 * MiB },
      sink: { longestWriteNs: 0, backlogBytes: 0, drainBytesPerSecond },
    });

  it.each([
    ['what is held over what the sink takes: above', 10 * MiB, 1000 * MiB, true],
    ['what is held over what the sink takes: below', 4 * MiB, 1000 * MiB, false],
    ['a sink of which nothing is known: below', 10 * MiB, 0, false],
  ])('%s', (_what, bytes, drain, narrowed) => {
    let state = limiter.initial(T);
    for (const atMs of [0, 50, 100]) ({ state } = limiter.step(state, unmeasured(atMs, bytes, drain)));
    expect(state.windowBytes < 2 ** 50).toBe(narrowed);
  });
});

it('decides nothing while nothing leaves', () => {
  const state = limiter.step(limiter.initial(T), leaving(0, { stayMs: 50 })).state;
  const sojourn = { minNs: 0, maxNs: 0, oldestNs: 1e12 };
  const preImages = { bytes: 64 * MiB, maxBytes: 256 * MiB, sojourn };
  expect(limiter.step(state, quietObservation({ nowNs: T + 1e12, preImages })).state).toBe(state);
});

it('re-tuned, its window is no narrower than the new least', () => {
  const state = { ...limiter.initial(T), windowBytes: 2 * MiB };
  expect(codel({ minWindow: 4 * MiB }).adopt?.(state, T).windowBytes).toBe(4 * MiB);
  expect(codel({ minWindow: MiB }).adopt?.(state, T).windowBytes).toBe(2 * MiB);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quietObservation } from '../src/compliance.ts';
import { LimiterConfigError, limiterFromConfig, schedule, type ScheduleState } from '../src/index.ts';

const PAGE = 4096;
const T = 1e12;
const MS = 1e6;

/** 1 page/ms, then a pause from 10 ms on, then 4 pages/ms from 20 ms on, then no limit from 30 ms on. */
const limiter = schedule({
  rates: [
    { afterMs: 0, rate: 1000 * PAGE },
    { afterMs: '10ms', rate: 0 },
    { afterMs: '20ms', rate: 4000 * PAGE },
    { afterMs: '30ms', rate: 'unlimited' },
  ],
  burst: 64 * PAGE,
});

const at = (elapsedMs: number, bytes = 0): ScheduleState => ({
  bytes,
  nanoBytes: 0,
  lastNs: T,
  heldPages: 0,
  elapsedNs: elapsedMs * MS,
});
const see = (laterMs: number, pagesLeft = 2 ** 18) =>
  quietObservation({ nowNs: T + laterMs * MS, pagesLeft });

describe('the bucket', () => {
  it.each([
    ['is filled at the rate of its phase', at(0), 3, 3],
    ['up to the end of it', at(0), 10, 10],
    ['not in a pause', at(0), 20, 10],
    ['at each rate for its time', at(5), 20, 5 + 5 * 4],
    ['through whole phases', at(9), 12, 1 + 4],
    ['up to the burst', at(20), 10, 40],
    ['is full when nothing limits it', at(20, 30 * PAGE), 10.000001, 64],
  ])('%s', (_what, state, laterMs, pages) => {
    expect(limiter.step(state, see(laterMs)).state.bytes / PAGE).toBeCloseTo(pages, 9);
  });

  it('begins with the burst', () => {
    expect(limiter.step(limiter.initial(T), see(0)).grant.pages).toBe(64);
  });

  it('pays for what was swept', () => {
    const { state } = limiter.step(at(0, 10 * PAGE), { ...see(0), sweptPages: 4 });
    expect(state.bytes).toBe(6 * PAGE);
  });
});

// The slowest rate makes lots of 5 ms: 5 pages.
describe('a lot is due', () => {
  it.each([
    ['in its phase', 0, 5],
    ['at the end of its phase', 5, 5],
    ['after the pause, when its rest has been filled', 7, 20 - 7 + 0.5],
    ['in a pause', 12, 20 - 12 + 1.25],
    ['at once when the phase without a limit begins', 29, 1],
  ])('%s', (_what, elapsedMs, dueMs) => {
    const { grant } = limiter.step(at(elapsedMs), see(0));
    expect(grant).toMatchObject({ pages: 5, notBeforeNs: T + dueMs * MS });
    const early = limiter.step(at(elapsedMs), see(dueMs - 1e-6)).grant;
    expect(early.notBeforeNs).toBe(T + dueMs * MS);
    const due = limiter.step(at(elapsedMs), see(dueMs)).grant;
    expect(due).toMatchObject({ notBeforeNs: T + dueMs * MS });
    expect(due.pages).toBeGreaterThanOrEqual(5);
  });

  it('whole, when nothing limits', () => {
    expect(limiter.step(at(30), see(0, 777)).grant).toMatchObject({
      pages: 777,
      notBeforeNs: T,
      reason: 'phase 4 of 4',
    });
  });
});

it('is no slower for a clock that steps back, and goes on from there', () => {
  const back = limiter.step(at(25), see(-5000)).state;
  expect(back).toMatchObject({ elapsedNs: 25 * MS, bytes: 0, lastNs: T - 5000 * MS });
  expect(limiter.step(back, see(-4999)).state).toMatchObject({ elapsedNs: 26 * MS, bytes: 4 * PAGE });
});

it('gives the same whether time passes in one step or in many', () => {
  const intervals = fc.array(fc.integer({ min: 0, max: 9 * MS }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(intervals, (steps) => {
      let nowNs = T;
      let many = at(0);
      for (const interval of steps) {
        nowNs += interval;
        many = limiter.step(many, quietObservation({ nowNs })).state;
      }
      expect(many).toEqual(limiter.step(at(0), quietObservation({ nowNs })).state);
    }),
  );
});

describe('is written', () => {
  it.each([
    ['schedule,rates=0s:50MiB/s+30s:unlimited'],
    ['schedule,rates=[0s:50MiB/s + 30s : unlimited],burst=4MiB'],
    [{ name: 'schedule', rates: '0:52428800+30000:unlimited' }],
    [{ name: 'schedule', rates: ['0s:50MiB/s', { afterMs: 30_000, rate: 'unlimited' }] }],
  ])('%j', (config) => {
    const state = at(29_999, -(2 ** 30));
    const same = schedule({ rates: '0s:50MiB/s+30s:unlimited' });
    expect(limiterFromConfig(config).step(state, see(0))).toEqual(same.step(state, see(0)));
  });

  it.each<[unknown, string]>([
    [5, 'not a list of 1 to 64 phases'],
    [[], 'not a list of 1 to 64 phases'],
    [Array.from({ length: 65 }, (_, index) => `${index}s:1MB/s`), 'not a list of 1 to 64 phases'],
    ['0s:1MB/s+', '"" is not AFTER:RATE'],
    ['[0s:1MB/s', 'not a list of 1 to 64 phases'],
    ['0s:1MB/s:2', '"0s:1MB/s:2" is not AFTER:RATE'],
    ['5s:1MB/s', 'the first phase does not begin at 0'],
    ['0s:1MB/s+5s:2MB/s+5s:3MB/s', 'phase 3 does not begin after the one before it'],
    ['0s:1MB/s+5s:0', 'the last phase is a pause'],
    ['0s:4095+5s:1MB/s', '"4095" is neither 0, a pause, nor in 4096'],
    ['0s:1MiB', 'unknown unit "MiB" in the rate'],
    ['0s:unlimited+1h:1MB/s+721h:unlimited', '"721h" is not in 0 … 2592000000'],
    [[null], 'a phase is neither text nor a mapping'],
    [[{ afterMs: 0 }], 'a phase needs afterMs and rate'],
    [[{ afterMs: 0, rate: '1MB/s', burst: 1 }], 'a phase has afterMs and rate, not "burst"'],
  ])('not as %j', (rates, message) => {
    const refusal = expect.objectContaining({
      code: 'LIMITER_INVALID_OPTION',
      key: 'rates',
      message: expect.stringContaining(message),
    });
    expect(() => limiterFromConfig({ name: 'schedule', rates })).toThrow(refusal);
    expect(() => limiterFromConfig({ name: 'schedule', rates })).toThrow(LimiterConfigError);
  });

  it('with at most 64 phases', () => {
    const rates = Array.from({ length: 64 }, (_, index) => `${index}s:1MB/s`);
    expect(() => limiterFromConfig({ name: 'schedule', rates })).not.toThrow();
  });
});

it('goes on in its last phase however long it lasts', () => {
  let state = at(0);
  for (let year = 0; year < 200; year++) {
    ({ state } = limiter.step({ ...state, lastNs: 0 }, quietObservation({ nowNs: 365 * 86_400e9 })));
  }
  const steady = schedule({ rates: [{ afterMs: 0, rate: 1000 * PAGE }] });
  const later = steady.step({ ...state, bytes: 0, lastNs: T }, see(1)).state;
  expect(later.bytes).toBe(PAGE);
});

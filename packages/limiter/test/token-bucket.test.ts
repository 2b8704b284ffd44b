import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quietObservation } from '../src/compliance.ts';
import { type Observation, tokenBucket, type TokenBucketState } from '../src/index.ts';

const PAGE = 4096;
const T = 1e12;
const SECOND = 1e9;

const see = (nowNs: number, changes: Partial<Observation> = {}): Observation =>
  quietObservation({ nowNs, ...changes });

/** A bucket as of T that has been observed before. */
const bucket = (bytes: number, changes: Partial<TokenBucketState> = {}): TokenBucketState => ({
  bytes,
  nanoBytes: 0,
  lastNs: T,
  heldPages: 0,
  ...changes,
});

// 4 MiB/s in lots of 5 ms: 5 pages, 20 480 bytes.
const limiter = tokenBucket({ rate: 1024 * PAGE, burst: 64 * PAGE });
const LOT = 5;

describe('grants', () => {
  it('the burst at once, to begin with', () => {
    const { grant } = limiter.step(limiter.initial(T), see(T));
    expect(grant).toEqual({ pages: 64, notBeforeNs: T, wakeOnFault: false, reason: 'tokens' });
  });

  it.each([
    ['a lot less a nano-byte waits for it', LOT * PAGE - 1, 999_999_999, LOT, T + 1],
    ['a lot goes at once', LOT * PAGE, 0, LOT, T],
    ['more goes whole, in whole pages', (LOT + 2) * PAGE - 1, 0, LOT + 1, T],
    ['an empty bucket waits for a lot', 0, 0, LOT, T + Math.ceil((LOT * SECOND) / 1024)],
    ['debt is paid first', -PAGE, 0, LOT, T + Math.ceil(((LOT + 1) * SECOND) / 1024)],
  ])('%s', (_name, bytes, nanoBytes, pages, notBeforeNs) => {
    const { grant } = limiter.step(bucket(bytes, { nanoBytes }), see(T));
    const reason = notBeforeNs === T ? 'tokens' : 'waiting for tokens';
    expect(grant).toMatchObject({ pages, notBeforeNs, reason });
  });

  it('no more than is left, and does not wait for more than that', () => {
    expect(limiter.step(bucket(64 * PAGE), see(T, { pagesLeft: 3 })).grant.pages).toBe(3);
    const { grant } = limiter.step(bucket(PAGE), see(T, { pagesLeft: 2 }));
    expect(grant).toMatchObject({ pages: 2, notBeforeNs: T + Math.ceil(SECOND / 1024) });
    expect(limiter.step(bucket(0), see(T, { pagesLeft: 0 })).grant).toMatchObject({
      pages: 0,
      notBeforeNs: T,
    });
  });

  it('a page larger than the burst, when it is paid for', () => {
    const pageSize = 2 ** 21;
    const { grant } = limiter.step(bucket(0), see(T, { pageSize }));
    expect(grant).toMatchObject({ pages: 1, notBeforeNs: T + SECOND / 2 });
    expect(limiter.step(bucket(0), see(T + SECOND / 2, { pageSize })).grant).toMatchObject({ pages: 1 });
  });
});

describe('the level', () => {
  it.each([
    ['is filled by the rate', bucket(0), see(T + SECOND / 512), 2 * PAGE],
    ['overflows at the burst', bucket(63 * PAGE), see(T + SECOND), 64 * PAGE],
    ['pays for pages that the sink took', bucket(9 * PAGE), see(T, { sweptPages: 4 }), 5 * PAGE],
    ['pays for pages captured and held', bucket(9 * PAGE), see(T, { sweptPagesHeld: 4 }), 5 * PAGE],
    [
      'pays for a held page once',
      bucket(9 * PAGE, { heldPages: 4 }),
      see(T, { sweptPages: 3, sweptPagesHeld: 1 }),
      9 * PAGE,
    ],
    [
      'does not pay back when held pages vanish',
      bucket(9 * PAGE, { heldPages: 4 }),
      see(T, { sweptPagesHeld: 0 }),
      9 * PAGE,
    ],
    [
      'overflows before it pays, because the pages may have gone out last',
      bucket(64 * PAGE),
      see(T + SECOND, { sweptPages: 64 }),
      0,
    ],
    ['owes at most a burst', bucket(0), see(T, { sweptPages: 1000 }), -64 * PAGE],
    ['does not pay for faults', bucket(9 * PAGE), see(T, { faults: 5, lastFaultReadNs: T }), 9 * PAGE],
    [
      'does not pay for what was granted before it took over',
      limiter.initial(T),
      see(T, { sweptPages: 50, sweptPagesHeld: 9 }),
      64 * PAGE,
    ],
  ])('%s', (_name, state, observation, bytes) => {
    expect(limiter.step(state, observation).state).toMatchObject({ bytes, nanoBytes: 0 });
  });

  it.each([
    ['no time', T, 0, T],
    ['a slip back gives nothing, and its time is not given twice', T - SECOND, 0, T],
    ['a step back starts the time anew', T - SECOND - 1, 0, T - SECOND - 1],
    ['no number gives nothing', Number.NaN, 0, T],
  ])('clock: %s', (_name, nowNs, bytes, lastNs) => {
    expect(limiter.step(bucket(0), see(nowNs)).state).toMatchObject({ bytes, lastNs });
  });
});

it('keeps its account to 10⁻⁹ byte over a million small steps', () => {
  const rate = 1_000_003;
  const small = tokenBucket({ rate, burst: '1GiB' });
  let state = bucket(0);
  let nowNs = T;
  for (let index = 0; index < 1_000_000; index++) {
    nowNs += index % 7;
    ({ state } = small.step(state, see(nowNs)));
  }
  const nanoBytes = (nowNs - T) * rate; // 3 s of it still fits a number
  expect(state).toMatchObject({ bytes: Math.floor(nanoBytes / 1e9), nanoBytes: nanoBytes % 1e9 });
});

it('gives the same whether time passes in one step or in many', () => {
  const rates = fc.integer({ min: 4096, max: 2 ** 50 });
  const intervals = fc.array(fc.integer({ min: 0, max: 2 ** 33 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(rates, intervals, (rate, steps) => {
      const any = tokenBucket({ rate, burst: 2 ** 50 });
      let [many, one] = [bucket(-(2 ** 50)), bucket(-(2 ** 50))];
      let nowNs = T;
      for (const interval of steps) {
        nowNs += interval;
        many = any.step(many, see(nowNs)).state;
      }
      one = any.step(one, see(nowNs)).state;
      expect(many).toEqual(one);
      const gained = BigInt(rate) * BigInt(nowNs - T);
      const level = BigInt(one.bytes + 2 ** 50) * 1_000_000_000n + BigInt(one.nanoBytes);
      const full = one.bytes === 2 ** 50;
      expect(full ? level <= gained : level === gained).toBe(true);
    }),
  );
});

it('is paid exactly when it says so, and not a nanosecond sooner', () => {
  const rates = fc.integer({ min: 4096, max: 2 ** 40 });
  fc.assert(
    fc.property(
      rates,
      fc.integer({ min: -(2 ** 40), max: 0 }),
      fc.integer({ min: 0, max: 999_999_999 }),
      (rate, bytes, nanoBytes) => {
        const any = tokenBucket({ rate, burst: 2 ** 40 });
        const start = bucket(bytes, { nanoBytes });
        const { pages, notBeforeNs } = any.step(start, see(T)).grant;
        expect(any.step(start, see(notBeforeNs)).grant).toMatchObject({ pages, notBeforeNs });
        expect(any.step(start, see(notBeforeNs - 1)).grant).toMatchObject({ pages, notBeforeNs });
      },
    ),
  );
});

import { describe, expect, it } from 'vitest';
import { quietObservation } from '../src/compliance.ts';
import { aimd, type AimdState, type Observation } from '../src/index.ts';

const MiB = 2 ** 20;
const MS = 1e6;
const T = 1e12;
const terms = { minRate: 10 * MiB, maxRate: 1000 * MiB, increase: 100 * MiB, intervalMs: 50, targetMs: 1 };
const limiter = aimd(terms);

const sink = (drainBytesPerSecond: number): Observation['sink'] => ({
  longestWriteNs: 0,
  backlogBytes: 0,
  drainBytesPerSecond,
});

/** Faults that have waited for `waitMs` are seen at `atMs`; the sink takes 400 MiB/s. */
const faults = (atMs: number, waitMs: number, changes: Partial<Observation> = {}): Observation =>
  quietObservation({
    nowNs: T + atMs * MS,
    faults: 3,
    faultWait: { p50Ns: 0, p99Ns: waitMs * MS, maxNs: 1e12 },
    sink: sink(400 * MiB),
    ...changes,
  });

/** An empty bucket at this rate, last cut long ago; a sink that has taken `sinkMiB`. */
const at = (rateMiB: number, sinkMiB = 0): AimdState => ({
  ...limiter.initial(T),
  bucket: { bytes: 0, nanoBytes: 0, lastNs: T, heldPages: 0 },
  rate: rateMiB * MiB,
  sinkRate: sinkMiB * MiB,
});

const rateAfter = (state: AimdState, observation: Observation, with_ = limiter): number =>
  with_.step(state, observation).state.rate / MiB;

describe('the rate', () => {
  it('begins at the highest, with nothing held back', () => {
    expect(limiter.initial(T)).toMatchObject({ rate: 1000 * MiB, bucket: { bytes: 250 * MiB } });
    expect(limiter.step(limiter.initial(T), quietObservation()).grant).toMatchObject({
      pages: (250 * MiB) / 4096,
      reason: 'waits are short',
    });
  });

  it.each([
    ['at the target it is not cut', at(200), faults(0, 1), 200],
    ['above it is halved', at(200), faults(0, 1.001), 100],
    ['from what the sink takes, if that is less', at(1000), faults(0, 2), 200],
    ['from what it has taken before it stalled', at(1000, 600), faults(0, 2, { sink: sink(0) }), 300],
    ['from itself, if nothing is known of the sink', at(1000), faults(0, 2, { sink: sink(0) }), 500],
    ['not below the least', at(12), faults(0, 2), 10],
    ['an observation without faults has no waits', at(200), faults(0, 2, { faults: 0, sweptPages: 1 }), 200],
  ])('%s', (_what, state, observation, rate) => {
    expect(rateAfter(state, observation)).toBeCloseTo(rate, 6);
  });

  it('is cut once an interval', () => {
    let state = at(400);
    const rates = [0, 10, 49.999, 50, 60, 100].map((atMs) => {
      ({ state } = limiter.step(state, faults(atMs, 9)));
      return state.rate / MiB;
    });
    expect(rates).toEqual([200, 200, 200, 100, 100, 50]);
  });

  it('gains its increase a second, in steps of any size, while it is used up', () => {
    let state = at(100);
    for (let step = 1; step <= 1000; step++) {
      const sweptPages = Math.floor(state.bucket.bytes / 4096);
      ({ state } = limiter.step(state, faults(step / 10, 0, { sweptPages })));
    }
    expect(state.rate / MiB).toBeCloseTo(110, 6);
  });

  it.each([
    ['no more than the highest', at(999), faults(100, 0), 1000],
    ['not in a gap, which has filled the bucket', at(100), faults(250, 0), 100],
    ['but until then', at(100), faults(249.9, 0), 124.99],
    ['not while waits are long', { ...at(100), sinceCutNs: 0 }, faults(40, 9), 100],
    ['not while nothing happens', at(100), quietObservation({ nowNs: T + 20 * MS }), 100],
  ])('%s', (_what, state, observation, rate) => {
    expect(rateAfter(state, observation)).toBeCloseTo(rate, 6);
  });
});

describe('what it keeps', () => {
  const careful = aimd({ ...terms, keep: 0.9 });

  it('is a share of what the sink takes', () => {
    expect(rateAfter(at(1000), faults(0, 9), careful)).toBeCloseTo(360, 6);
    expect(rateAfter(at(10), faults(0, 0), careful)).toBeCloseTo(360, 6);
  });

  it('is not worn down by its own cuts', () => {
    let state = at(1000, 400);
    for (let step = 0; step < 1000; step++) {
      const drain = sink(Math.min(state.rate, 400 * MiB));
      const sweptPages = Math.max(0, Math.floor(state.bucket.bytes / 4096));
      ({ state } = careful.step(state, faults(step * 50, 9, { sink: drain, sweptPages })));
    }
    expect(state.rate / MiB).toBeCloseTo(360, 0);
  });

  it('outlives a stall of the sink, and fades while the sweep is free', () => {
    let state = { ...at(1000, 400), bucket: { ...at(1000).bucket, bytes: 250 * MiB } };
    ({ state } = careful.step(state, faults(1000, 0, { sink: sink(0) })));
    expect(state.sinkRate / MiB).toBeCloseTo(360, 6);
    ({ state } = careful.step(state, faults(2000, 0, { sink: sink(0) })));
    expect(state.sinkRate / MiB).toBeCloseTo(324, 6);
  });
});

it('leaves a lot of what was saved up when it cuts, so that the cut is felt at once', () => {
  const { state, grant } = limiter.step(limiter.initial(T), faults(0, 9));
  expect(state.bucket.bytes).toBe((200 * MiB) / 200);
  expect(grant).toMatchObject({ pages: MiB / 4096, reason: 'waits are long' });
});

it('but all of what is only on its way through the bucket', () => {
  const state = { ...at(200), bucket: { ...at(200).bucket, bytes: 49 * MiB } };
  expect(limiter.step(state, faults(0, 9)).state.bucket.bytes).toBe((100 * MiB) / 4);
});

it('takes the higher of two rates in the wrong order', () => {
  expect(aimd({ minRate: '2GB/s', maxRate: '1GB/s' }).initial(T)).toMatchObject({ rate: 2e9 });
});

it('re-tuned, it keeps its rate within the new limits', () => {
  const retuned = (changes: object): number =>
    (aimd({ ...terms, ...changes }).adopt?.(at(200), T).rate ?? 0) / MiB;
  expect(retuned({})).toBe(200);
  expect(retuned({ maxRate: 100 * MiB })).toBe(100);
  expect(retuned({ minRate: 300 * MiB })).toBe(300);
});

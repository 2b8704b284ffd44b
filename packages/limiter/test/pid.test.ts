import { describe, expect, it } from 'vitest';
import { quietObservation } from '../src/compliance.ts';
import { pid, type PidState } from '../src/index.ts';
import { control, openControl } from '../src/policies/pid-control.ts';

const range = { low: 20, high: 30 };
const gains = { kp: 0, ki: 0, kd: 0, ...range, mayRise: true };

describe('the controller', () => {
  it.each([
    ['proportional', { kp: 0.5 }, 25, null, -2, 1, 24, 25],
    ['integral', { ki: 2 }, 25, null, -1, 0.5, 24, 24],
    ['derivative', { kd: 0.1 }, 25, 1, -1, 0.5, 24.6, 25],
    ['no derivative of the first sample', { kd: 0.1 }, 25, null, -1, 0.5, 25, 25],
    ['all of them', { kp: 1, ki: 1, kd: 1 }, 25, 0, 1, 1, 28, 26],
    ['output and integral end at the top', { ki: 100 }, 25, null, 3, 1, 30, 30],
    ['and at the bottom', { ki: 100 }, 25, null, -3, 1, 20, 20],
    ['no wind-up at the top', { kp: 1, ki: 1 }, 29, null, 2, 1, 30, 29],
    ['no wind-up at the bottom', { kp: 1, ki: 1 }, 21, null, -2, 1, 20, 21],
    ['nor upwards when the output does not limit', { ki: 1, mayRise: false }, 25, null, 2, 1, 25, 25],
    ['but downwards', { ki: 1, mayRise: false }, 25, null, -2, 1, 23, 23],
  ])('%s', (_what, change, integral, last, error, seconds, output, next) => {
    const result = control(
      { integral, error: last },
      { doublingsBelow: error, seconds },
      { ...gains, ...change },
    );
    expect(result.output).toBeCloseTo(output, 9);
    expect(result.state.integral).toBeCloseTo(next, 9);
    expect(result.state.error).toBe(error);
  });

  it('answers after an hour of quiet as after a second', () => {
    const after = (seconds: number): number => {
      let state = openControl(range);
      const terms = { ...gains, kp: 0.5, ki: 2 };
      for (let second = 0; second < seconds; second++) {
        ({ state } = control(state, { doublingsBelow: 3, seconds: 1 }, terms));
      }
      return control(state, { doublingsBelow: -2, seconds: 0.05 }, terms).output;
    };
    expect(after(3600)).toBe(after(1));
    expect(after(1)).toBeLessThan(range.high);
  });
});

const MS = 1e6;
const T = 1e12;

const faults = (atMs: number, waitMs: number, sweptPages = 0) =>
  quietObservation({
    nowNs: T + atMs * MS,
    faults: 2,
    sweptPages,
    faultWait: { p50Ns: 0, p99Ns: waitMs * MS, maxNs: 1e12 },
  });

describe('the policy', () => {
  const limiter = pid({
    targetMs: 1,
    intervalMs: 50,
    kp: 1,
    ki: 0,
    kd: 0,
    minRate: 2 ** 20,
    maxRate: 2 ** 30,
  });
  const run = (...seen: readonly (readonly [atMs: number, waitMs: number])[]): PidState => {
    let state = limiter.initial(T);
    for (const [atMs, waitMs] of seen) ({ state } = limiter.step(state, faults(atMs, waitMs)));
    return state;
  };

  it('begins at the highest rate', () => {
    expect(run().rate).toBe(2 ** 30);
  });

  it('decides once an interval, by the longest wait in it', () => {
    expect(run([10, 4], [49.999, 2])).toMatchObject({ rate: 2 ** 30, worstNs: 4 * MS });
    expect(run([10, 4], [50, 2])).toMatchObject({ rate: 2 ** 28, worstNs: 0, ageNs: 0 });
    expect(run([10, 4], [50, 2], [100, 2])).toMatchObject({ rate: 2 ** 29 });
  });

  it('one outlier says no more than a factor of eight', () => {
    expect(run([50, 4000]).rate).toBe(2 ** 27);
  });

  it.each([
    [0.001, 2 ** 30],
    [1, 2 ** 30],
    [1.5, 2 ** 30 / 1.5],
  ])('a wait of %d ms at a target of 1', (waitMs, rate) => {
    expect(run([50, waitMs]).rate / rate).toBeCloseTo(1, 9);
  });

  it('waits of an interval without faults are as short as can be', () => {
    const { state } = limiter.step(run([50, 4]), quietObservation({ nowNs: T + 100 * MS, sweptPages: 1 }));
    expect(state).toMatchObject({ rate: 2 ** 30, control: { error: 3 } });
  });

  it.each([
    ['waits above target', 4],
    ['waits at or below target', 1],
  ])('says why: %s', (reason, waitMs) => {
    expect(limiter.step(run(), faults(50, waitMs)).grant.reason).toBe(reason);
  });
});

it('holds a wait that grows with the rate near its target', () => {
  const limiter = pid({ targetMs: 1 });
  let state = limiter.initial(T);
  const waits: number[] = [];
  // A guest whose waits are 1 ms at 100 MiB/s and go with the rate; the sweep takes all that it gets.
  for (let atMs = 10; atMs < 20_000; atMs += 10) {
    const waitMs = state.rate / (100 * 2 ** 20);
    const sweptPages = Math.floor(Math.max(0, state.bucket.bytes) / 4096);
    ({ state } = limiter.step(state, faults(atMs, waitMs, sweptPages)));
    if (atMs > 10_000) waits.push(waitMs);
  }
  expect(Math.min(...waits)).toBeGreaterThan(0.8);
  expect(Math.max(...waits)).toBeLessThan(1.25);
});

it('re-tuned, it keeps its rate and its integral within the new limits', () => {
  const state = pid({ maxRate: 2 ** 30 }).initial(T);
  const { rate, control: controller } =
    pid({ minRate: 2 ** 20, maxRate: 2 ** 28 }).adopt?.(state, T) ?? state;
  expect([rate, controller.integral]).toEqual([2 ** 28, 28]);
});

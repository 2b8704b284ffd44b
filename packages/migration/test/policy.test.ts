import { describe, expect, it } from 'vitest';
import { type ConvergenceObservation, hybridPolicy, precopyPolicy, type RoundNumbers } from '../src/index.ts';
import { bandwidthOf, dirtyRateOf, estimatesOf, expectedDowntimeMs } from '../src/source/estimates.ts';

const MIB = 1024 * 1024;

function round(over: Partial<RoundNumbers> = {}): RoundNumbers {
  return { round: 1, pages: 256, bytes: MIB, durationMs: 10, dirtyBytes: 0, ...over };
}

function seen(
  rounds: readonly RoundNumbers[],
  over: Partial<ConvergenceObservation> = {},
): ConvergenceObservation {
  const last = rounds.at(-1)!;
  const bandwidthBytesPerSecond = bandwidthOf(rounds);
  return {
    rounds,
    elapsedMs: 0,
    memoryBytes: 100 * MIB,
    bandwidthBytesPerSecond,
    dirtyBytesPerSecond: dirtyRateOf(last),
    expectedDowntimeMs: expectedDowntimeMs(last.dirtyBytes, bandwidthBytesPerSecond),
    ...over,
  };
}

/** The memory in a second, and `dirtyMib` written meanwhile. */
function first(dirtyMib: number): RoundNumbers {
  return round({ bytes: 100 * MIB, durationMs: 1000, dirtyBytes: dirtyMib * MIB });
}

/** `share` of what a round sends is written again meanwhile. */
function fitting(share: number, count = 1): readonly RoundNumbers[] {
  const last = round({ bytes: 3 * MIB, durationMs: 30, dirtyBytes: 3 * MIB * share });
  return Array.from({ length: count }, () => last);
}

describe('precopyPolicy', () => {
  const policy = precopyPolicy({ downtimeMs: 50, maxRounds: 3, timeoutMs: 1000 });

  it.each([
    [49, 'stop'],
    [50, 'stop'],
    [50.1, 'round'],
  ])('with an expected downtime of %f ms of 50: %s', (expected, action) => {
    expect(policy.decide(seen([round()], { expectedDowntimeMs: expected })).action).toBe(action);
  });

  it.each([
    [2, 'round'],
    [3, 'give-up'],
  ])('after round %i of 3: %s', (count, action) => {
    const rounds = Array.from({ length: count }, () => round({ dirtyBytes: 99 * MIB }));
    expect(policy.decide(seen(rounds)).action).toBe(action);
  });

  it.each([
    ['a tenth less', 0.89, 1, 30, 0, 'round'],
    ['hardly less', 0.91, 1, 30, 0, 'stop'],
    ['a tenth less, of what is short', 0.89, 1, 20, 0, 'stop'],
    ['a tenth less, but no round is left', 0.89, 3, 30, 0, 'stop'],
    ['a tenth less, but no time is left', 0.89, 1, 30, 1000, 'stop'],
  ])(
    'where the rest fits, and another round leaves %s',
    (_what, share, count, expected, elapsedMs, action) => {
      const observation = seen(fitting(share, count), { expectedDowntimeMs: expected, elapsedMs });
      expect(policy.decide(observation).action).toBe(action);
    },
  );

  it.each([
    [999, 'round'],
    [1000, 'give-up'],
  ])('after %i ms of 1000: %s', (elapsedMs, action) => {
    expect(policy.decide(seen([round({ dirtyBytes: 99 * MIB })], { elapsedMs })).action).toBe(action);
  });
});

describe('hybridPolicy', () => {
  const policy = hybridPolicy({ downtimeMs: 50, maxRounds: 3, maxTotalRatio: 1.2 });

  it('stops when the rest fits the downtime', () => {
    expect(policy.decide(seen([first(4)])).action).toBe('stop');
  });

  it('goes on while another round is cheap: 15 MiB, and 2.25 MiB that are written meanwhile', () => {
    expect(policy.decide(seen([first(15)])).action).toBe('round');
  });

  it('switches when another round would send too much', () => {
    expect(policy.decide(seen([first(18)])).action).toBe('switch');
  });

  it('counts the rounds that were', () => {
    const second = round({ bytes: 15 * MIB, durationMs: 150, dirtyBytes: 6 * MIB });
    expect(policy.decide(seen([first(15), second])).action).toBe('switch');
  });

  it('switches where pre-copy gives up', () => {
    const rounds = Array.from({ length: 3 }, () => round({ bytes: 0, dirtyBytes: 9 * MIB }));
    expect(policy.decide(seen(rounds, { bandwidthBytesPerSecond: MIB })).action).toBe('switch');
  });
});

describe('estimates', () => {
  it('are unknown before the first round', () => {
    expect(Object.values(estimatesOf([]))).toEqual([null, null, null, null]);
  });

  it('take the bandwidth of the last three rounds, all together', () => {
    const slow = round({ bytes: MIB, durationMs: 1000 });
    const fast = round({ bytes: 8 * MIB, durationMs: 1000 });
    expect(bandwidthOf([slow, fast, fast, fast])).toBe(8 * MIB);
    expect(bandwidthOf([slow, fast])).toBe(4.5 * MIB);
  });

  it('have no ETA for a guest that writes as fast as the link', () => {
    const busy = round({ bytes: 10 * MIB, durationMs: 1000, dirtyBytes: 10 * MIB });
    expect(estimatesOf([busy], 300)).toMatchObject({ etaMs: null, expectedDowntimeMs: 1005 });
  });

  it('add up rounds that shrink', () => {
    const half = round({ bytes: 10 * MIB, durationMs: 1000, dirtyBytes: 5 * MIB });
    // Rounds of 505 and 255 ms, and the stop of 130 ms; 300 do not fit before.
    expect(estimatesOf([half], 250).etaMs).toBeCloseTo(505 + 255 + 130, 6);
  });
});

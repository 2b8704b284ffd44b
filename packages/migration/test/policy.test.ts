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

/** Rounds over a link of 100 MiB a second, and what each of them left. */
function leaving(dirtyMib: readonly number[]): readonly RoundNumbers[] {
  return dirtyMib.map((left) => round({ dirtyBytes: left * MIB }));
}

describe('precopyPolicy', () => {
  const policy = precopyPolicy({ downtimeMs: 50, maxRounds: 3, timeoutMs: 1000 });

  it.each([
    [49, 'stop'],
    [50, 'stop'],
    [50.1, 'round'],
  ])('with an expected downtime of %f ms of 50: %s', (expected, action) => {
    // Nothing is gained by more of them.
    const rounds = leaving([1, 1, 1, 1, 1]);
    const fitting = precopyPolicy({ downtimeMs: 50 });
    expect(fitting.decide(seen(rounds, { expectedDowntimeMs: expected })).action).toBe(action);
  });

  it.each([
    [2, 'round'],
    [3, 'give-up'],
  ])('after round %i of 3: %s', (count, action) => {
    const rounds = Array.from({ length: count }, () => round({ dirtyBytes: 99 * MIB }));
    expect(policy.decide(seen(rounds)).action).toBe(action);
  });

  const patient = precopyPolicy({ downtimeMs: 50, maxRounds: 20, timeoutMs: 1000 });

  // What the first round leaves is far more than fits; 30 ms is what a hand-over takes anyway.
  it.each([
    ['each leaves less', [8, 6, 5, 4], 30.1, 'round'],
    ['each leaves less, and little is left', [8, 6, 5, 4], 30, 'stop'],
    ['four rounds left a tenth less', [9, 6, 6, 6, 6, 5.3], 31, 'round'],
    ['four rounds left hardly less', [9, 6, 6, 6, 6, 5.5], 31, 'stop'],
    ['three rounds left hardly less', [9, 6, 6, 6, 5.5], 31, 'round'],
    ['four left more, the last not much', [9, 6, 9, 12, 12, 9], 31, 'stop'],
    ['four left more, the last much', [9, 6, 9, 12, 12, 9.1], 31, 'round'],
    ['fifteen left more, the last much', [6, ...Array.from({ length: 15 }, () => 12)], 31, 'round'],
    ['sixteen left more, the last much', [6, ...Array.from({ length: 16 }, () => 12)], 31, 'stop'],
    ['no round is left', Array.from({ length: 20 }, (_, at) => 20 - at), 31, 'stop'],
    ['a round is left', Array.from({ length: 19 }, (_, at) => 20 - at), 31, 'round'],
  ])('where the rest fits, and %s', (_what, leftMib, expectedMs, action) => {
    const observation = seen(leaving(leftMib), { expectedDowntimeMs: expectedMs });
    expect(patient.decide(observation).action).toBe(action);
  });

  it('stops where the rest fits and no time is left', () => {
    const observation = seen(leaving([8, 4]), { expectedDowntimeMs: 31, elapsedMs: 1000 });
    expect(patient.decide(observation).action).toBe('stop');
  });

  it.each([
    [99, 'round'],
    [100, 'stop'],
  ])(
    'without a limit of rounds, the rest that fits is made less for up to %i rounds: %s',
    (count, action) => {
      const left = Array.from({ length: count }, (_, at) => 8 * 0.9 ** at);
      const observation = seen(leaving(left), { expectedDowntimeMs: 31 });
      expect(precopyPolicy({ downtimeMs: 50 }).decide(observation).action).toBe(action);
    },
  );

  it.each([
    ['has fitted before', 4, 'round'],
    ['never fitted', 99, 'give-up'],
  ])('goes on beyond thirty rounds only where the rest %s', (_what, before, action) => {
    const rounds = leaving([...Array.from({ length: 30 }, () => before), 99]);
    const observation = seen(rounds, { expectedDowntimeMs: 60 });
    expect(precopyPolicy({ downtimeMs: 50 }).decide(observation).action).toBe(action);
  });

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

  it('take the bandwidth of more rounds where they are short: of a second', () => {
    const long = round({ bytes: 9 * MIB, durationMs: 900 });
    const short = round({ bytes: 0.1 * MIB, durationMs: 50 });
    const rounds = [long, long, short, short, short, short];
    expect(bandwidthOf(rounds)).toBeCloseTo((9.4 * MIB) / 1.1, 6);
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

import { describe, expect, it } from 'vitest';
import { BASE_ID } from '../src/base-line.ts';
import { judge } from '../src/goals.ts';
import { ratio, type Scores } from '../src/metric.ts';
import { scoresOfRounds } from '../src/rounds.ts';
import { dominates, rank, type Scored, WEIGHTS } from '../src/rank.ts';

const scores = (changes: Partial<Scores> = {}): Scores => ({
  longestMs: 10,
  p99Us: 1000,
  totalMs: 1000,
  heldMiB: 100,
  stallMs: 100,
  ...changes,
});
const cell = (contestant: string, scenario: string, changes?: Partial<Scores>): Scored => ({
  contestant,
  scenario,
  scores: scores(changes),
});

const located = (contestant: string, sink: string, changes: Partial<Scores>) => ({
  ...cell(contestant, `steady/${sink}`, changes),
  sink,
});

it('of several rounds the median counts, and the worst of the longest stall', () => {
  const rounds = [30, 10, 20].map((value) => scores({ longestMs: value, totalMs: value, p99Us: -value }));
  expect(scoresOfRounds(rounds)).toMatchObject({ longestMs: 30, totalMs: 20, p99Us: -20 });
});

describe('the ranking', () => {
  it('is the weighted geometric mean of how many times worse than the best', () => {
    const ranked = rank([
      cell('quick', 'a'),
      cell('slow', 'a', { totalMs: 4000 }),
      cell('quick', 'b'),
      cell('slow', 'b'),
    ]);
    expect(ranked.map(({ contestant }) => contestant)).toEqual(['quick', 'slow']);
    expect(ranked[0]).toMatchObject({ composite: 1, isPareto: true });
    // Four times in one of two scenarios: twice in the mean.
    expect(ranked[1]!.factors.totalMs).toBeCloseTo(2);
    expect(ranked[1]!.composite).toBeCloseTo(2 ** WEIGHTS.totalMs);
    expect(ranked[1]!.isPareto).toBe(false);
  });

  it('keeps on the front who is best at something', () => {
    const ranked = rank([cell('quick', 'a', { heldMiB: 200 }), cell('lean', 'a', { totalMs: 2000 })]);
    expect(ranked.every(({ isPareto }) => isPareto)).toBe(true);
  });

  it('follows its weights', () => {
    const cells = [cell('quick', 'a', { longestMs: 100 }), cell('calm', 'a', { totalMs: 3000 })];
    const only = { longestMs: 0, p99Us: 0, totalMs: 0, heldMiB: 0, stallMs: 0 };
    expect(rank(cells, { ...only, totalMs: 1 })[0]!.contestant).toBe('quick');
    expect(rank(cells, { ...only, longestMs: 1 })[0]!.contestant).toBe('calm');
    expect(rank(cells, only).map(({ composite }) => composite)).toEqual([1, 1]);
  });

  it('differences below the floors are none', () => {
    expect(ratio('longestMs', 2, 0.1)).toBe(1);
    expect(ratio('longestMs', 6, 0.1)).toBe(2);
    expect(dominates(scores({ totalMs: 995 }), scores())).toBe(false);
    expect(dominates(scores({ totalMs: 900 }), scores())).toBe(true);
    expect(dominates(scores({ totalMs: 900, p99Us: 1100 }), scores())).toBe(false);
  });
});

it('the goals count the worst scenario, each with its sink', () => {
  const verdicts = judge([
    located(BASE_ID, 'stalling', { longestMs: 1000 }),
    located('none', 'stalling', { longestMs: 20, totalMs: 1000 }),
    located('calm', 'stalling', { longestMs: 21, totalMs: 1000 }),
    located(BASE_ID, 'slow', { p99Us: 900 }),
    located('none', 'slow', { p99Us: 300, totalMs: 1000 }),
    located('calm', 'slow', { p99Us: 100, totalMs: 1200 }),
  ]);
  const of = (name: string) => verdicts.find(({ contestant }) => contestant === name);
  expect(of('none')).toMatchObject({ longestShare: 0.02, totalRatio: 1, reached: true });
  expect(of('none')!.p99Share).toBeCloseTo(1 / 3);
  // What was not measured is not reached.
  const unmeasured = judge([located(BASE_ID, 'fast', {}), located('none', 'fast', {})]);
  expect(unmeasured.map(({ reached }) => reached)).toEqual([false, false]);
  expect(of('calm')).toMatchObject({ longestShare: 0.021, totalRatio: 1.2, reached: false });
});

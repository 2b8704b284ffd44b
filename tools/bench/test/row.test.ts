import { describe, expect, test } from 'vitest';
import { figureOf, median, series } from '../src/figure.ts';
import { type Goal, ratioOf, type Row, verdictOf } from '../src/row.ts';

function row(ours: number[], theirs: number[], goal?: Goal): Row {
  return {
    benchmark: 'b',
    subject: 's',
    measured: series('ours', 'ms', ours),
    peer: series('theirs', 'ms', theirs),
    ...(goal === undefined ? {} : { goal }),
  };
}

describe('figures', () => {
  test('the middle one of an odd number, the mean of the middle two of an even one', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([9, 1, 5, 6])).toBe(5.5);
    expect(median([10, 9])).toBe(9.5);
  });

  test('what must never happen is judged by its worst', () => {
    expect(figureOf(series('x', 'ms', [1, 30, 2], 'worst'))).toEqual({ value: 30, min: 1, max: 30 });
    expect(figureOf(series('x', 'ms', [1, 30, 2]))).toEqual({ value: 2, min: 1, max: 30 });
  });

  test('no samples are no figure', () => {
    expect(() => series('x', 'ms', [])).toThrow(RangeError);
  });
});

describe('verdicts', () => {
  test.each([
    [1.19, 'reached'],
    [1.2, 'reached'],
    [1.21, 'not reached'],
  ])('at most 1.2 ×: %d is %s', (ours, verdict) => {
    expect(verdictOf(row([ours], [1], { kind: 'ratioAtMost', limit: 1.2 }))).toBe(verdict);
  });

  test.each([
    [0.79, 'not reached'],
    [0.8, 'reached'],
    [0.81, 'reached'],
  ])('at least 0.8 ×: %d is %s', (ours, verdict) => {
    expect(verdictOf(row([ours], [1], { kind: 'ratioAtLeast', limit: 0.8 }))).toBe(verdict);
  });

  test.each([
    [19, 'reached'],
    [20, 'reached'],
    [21, 'not reached'],
  ])('at most 20 ms: %d is %s, whatever the peer did', (ours, verdict) => {
    expect(verdictOf(row([ours], [1], { kind: 'atMost', limit: 20 }))).toBe(verdict);
  });

  test('the medians of both sides make the ratio', () => {
    expect(ratioOf(row([1, 4, 100], [2, 2, 50]))).toBe(2);
  });

  test('a peer of 0 has no ratio', () => {
    expect(ratioOf(row([0], [0]))).toBe(1);
    expect(ratioOf(row([1], [0]))).toBe(Number.POSITIVE_INFINITY);
  });

  test('without a goal there is only information, and a void run reaches nothing', () => {
    expect(verdictOf(row([1], [1]))).toBe('information');
    const goal: Goal = { kind: 'atMost', limit: 20 };
    expect(verdictOf({ ...row([1], [1], goal), voidBecause: 'the sink did not stall' })).toBe('void');
  });
});

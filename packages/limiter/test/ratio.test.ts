import { describe, expect, it } from 'vitest';
import { parseRatio, UnitError } from '../src/index.ts';

describe('a share', () => {
  it.each<[string | number, number]>([
    [0, 0],
    [1, 1],
    [0.875, 0.875],
    ['0.875', 0.875],
    ['7/8', 0.875],
    [' 7 / 8 ', 0.875],
    ['87.5%', 0.875],
    ['100 %', 1],
    ['0/5', 0],
  ])('%j', (value, ratio) => {
    expect(parseRatio(value)).toBe(ratio);
  });

  it.each<[string | number, string]>([
    ['', 'UNIT_SYNTAX'],
    ['half', 'UNIT_SYNTAX'],
    ['1/2/3', 'UNIT_SYNTAX'],
    ['-1', 'UNIT_SYNTAX'],
    ['1e-1', 'UNIT_SYNTAX'],
    ['0'.repeat(33), 'UNIT_SYNTAX'],
    ['9/8', 'UNIT_RANGE'],
    ['101%', 'UNIT_RANGE'],
    ['1/0', 'UNIT_RANGE'],
    ['0/0', 'UNIT_RANGE'],
    [1.001, 'UNIT_RANGE'],
    [-0.001, 'UNIT_RANGE'],
    [Number.NaN, 'UNIT_RANGE'],
  ])('not %j', (value, code) => {
    expect(() => parseRatio(value)).toThrow(UnitError);
    expect(() => parseRatio(value)).toThrow(expect.objectContaining({ code }));
  });
});

import { excerpt, UnitError } from './errors.ts';

/** Longest text that is looked at; the longest sensible one has 8 characters. */
const MAX_LENGTH = 32;

const HINT = 'write a share as 0.875, 7/8 or 87.5%';

/**
 * A share of a whole, 0 … 1: `0.875`, `"7/8"`, `"87.5%"`.
 * @throws {UnitError} `UNIT_SYNTAX` or `UNIT_RANGE`.
 */
export function parseRatio(value: string | number): number {
  const ratio = typeof value === 'number' ? value : ratioOf(value);
  if (ratio >= 0 && ratio <= 1) return ratio;
  throw new UnitError('UNIT_RANGE', `the share ${excerpt(value)} is not in 0 … 1`, value, HINT);
}

function ratioOf(text: string): number {
  const match =
    text.length > MAX_LENGTH ? null : /^(\d+(?:\.\d+)?)\s*(?:(%)|\/\s*(\d+(?:\.\d+)?))?$/.exec(text.trim());
  if (match === null) throw new UnitError('UNIT_SYNTAX', `${excerpt(text)} is not a share`, text, HINT);
  const [, amount, percent, divisor] = match;
  return Number(amount) / (percent === undefined ? Number(divisor ?? 1) : 100);
}

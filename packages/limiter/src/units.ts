import { excerpt, UnitError } from './errors.ts';
import { nearest } from './nearest.ts';

/** Longest quantity that is looked at; the longest sensible one has 20 characters. */
const MAX_QUANTITY_LENGTH = 64;

// Case matters: `Mb` is read as megabit by half the world, so only an upper-case B is a byte.
const BYTES_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['B', 1],
  ['kB', 1e3],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['TB', 1e12],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
  ['TiB', 2 ** 40],
]);
const RATE_PER_UNIT: ReadonlyMap<string, number> = new Map(
  [...BYTES_PER_UNIT].map(([unit, bytes]) => [`${unit}/s`, bytes]),
);
const MS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['ms', 1],
  ['s', 1e3],
  ['min', 60e3],
  ['h', 3600e3],
]);

/**
 * A size in whole bytes, 0 … 2^53 − 1: `4096`, `"64MiB"` (2^20), `"1.5 GB"` (10^9). A plain number is bytes; a fraction of a byte is rounded.
 * @throws {UnitError} `UNIT_SYNTAX`, `UNIT_UNKNOWN` or `UNIT_RANGE`.
 */
export function parseBytes(value: string | number): number {
  return wholeNumber(value, parseQuantity(value, 'size', BYTES_PER_UNIT, '64MiB'), 'bytes');
}

/**
 * A rate in whole bytes per second, 0 … 2^53 − 1: `1048576`, `"200MiB/s"`. A plain number is bytes per second.
 * @throws {UnitError} `UNIT_SYNTAX`, `UNIT_UNKNOWN` or `UNIT_RANGE`.
 */
export function parseRate(value: string | number): number {
  return wholeNumber(value, parseQuantity(value, 'rate', RATE_PER_UNIT, '200MiB/s'), 'bytes per second');
}

/**
 * A duration in milliseconds, which may have a fraction: `5`, `"5ms"`, `"500us"`, `"1.5s"`, `"2min"`, `"1h"`. A plain number is milliseconds.
 * @throws {UnitError} `UNIT_SYNTAX`, `UNIT_UNKNOWN` or `UNIT_RANGE`.
 */
export function parseDurationMs(value: string | number): number {
  return parseQuantity(value, 'duration', MS_PER_UNIT, '5ms');
}

function parseQuantity(
  value: string | number,
  kind: string,
  factors: ReadonlyMap<string, number>,
  example: string,
): number {
  const units = [...factors.keys()];
  const hint = `write a number and a unit, like ${example}; units: ${units.join(', ')}`;
  const { amount, unit } = split(value, kind, hint);
  const factor = unit === '' ? 1 : factors.get(unit);
  if (factor === undefined) {
    const message = `unknown unit ${excerpt(unit)} in the ${kind} ${excerpt(value)}; nearest valid: ${nearest(unit, units)}`;
    throw new UnitError('UNIT_UNKNOWN', message, value, hint);
  }
  const result = amount * factor;
  if (result > Number.MAX_SAFE_INTEGER) {
    throw new UnitError('UNIT_RANGE', `the ${kind} ${excerpt(value)} is too large`, value, hint);
  }
  return result;
}

function split(value: string | number, kind: string, hint: string): { amount: number; unit: string } {
  if (typeof value === 'number') {
    if (Number.isFinite(value) && value >= 0) return { amount: value, unit: '' };
    throw new UnitError('UNIT_RANGE', `the ${kind} ${value} is not a number from 0 up`, value, hint);
  }
  const text = value.trim().replace('μ', 'µ'); // the Greek letter looks the same as the micro sign
  const match = text.length > MAX_QUANTITY_LENGTH ? null : /^(\d+(?:\.\d+)?)\s*(\D*)$/.exec(text);
  if (match === null) throw new UnitError('UNIT_SYNTAX', `${excerpt(value)} is not a ${kind}`, value, hint);
  return { amount: Number(match[1]), unit: match[2] ?? '' };
}

function wholeNumber(value: string | number, amount: number, unit: string): number {
  const whole = Math.round(amount);
  if (amount > 0 && whole === 0) {
    throw new UnitError(
      'UNIT_RANGE',
      `${excerpt(value)} is less than one of ${unit}`,
      value,
      `the least is 1`,
    );
  }
  return whole;
}

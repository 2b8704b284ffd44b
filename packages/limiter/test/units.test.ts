import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBytes, parseDurationMs, parseRate, UnitError } from '../src/index.ts';

const MAX = Number.MAX_SAFE_INTEGER;

it.each([
  [0, 0],
  [4096, 4096],
  ['4096', 4096],
  ['0', 0],
  ['1B', 1],
  ['3kB', 3000],
  ['3KB', 3000],
  ['3MB', 3e6],
  ['3GB', 3e9],
  ['3TB', 3e12],
  ['3KiB', 3 * 2 ** 10],
  ['64MiB', 2 ** 26],
  ['3GiB', 3 * 2 ** 30],
  ['3TiB', 3 * 2 ** 40],
  ['1.5 GB', 1.5e9],
  [' 2 MiB ', 2 ** 21],
  ['0.1KiB', 102],
  [2.5, 3],
  [MAX - 1, MAX - 1],
  [MAX, MAX],
  ['8191.5TiB', 8191.5 * 2 ** 40],
])('parseBytes(%j) is %d', (value, bytes) => {
  expect(parseBytes(value)).toBe(bytes);
});

it.each([
  [1000, 1000],
  ['200MiB/s', 200 * 2 ** 20],
  ['1.5GB/s', 1.5e9],
  ['10 kB/s', 10_000],
])('parseRate(%j) is %d', (value, rate) => {
  expect(parseRate(value)).toBe(rate);
});

it.each([
  [5, 5],
  [0.25, 0.25],
  ['5', 5],
  ['5ms', 5],
  ['500us', 0.5],
  ['500µs', 0.5],
  ['500μs', 0.5],
  ['1000000ns', 1],
  ['1.5s', 1500],
  ['2min', 120_000],
  ['1h', 3_600_000],
])('parseDurationMs(%j) is %d', (value, ms) => {
  expect(parseDurationMs(value)).toBe(ms);
});

describe('refuses', () => {
  it.each([
    [parseBytes, '', 'UNIT_SYNTAX'],
    [parseBytes, 'MiB', 'UNIT_SYNTAX'],
    [parseBytes, '-1', 'UNIT_SYNTAX'],
    [parseBytes, '1e3', 'UNIT_SYNTAX'],
    [parseBytes, '1,5MB', 'UNIT_SYNTAX'],
    [parseBytes, '1.5.5', 'UNIT_SYNTAX'],
    [parseBytes, '0x10', 'UNIT_SYNTAX'],
    [parseBytes, '1'.repeat(65), 'UNIT_SYNTAX'],
    [parseBytes, -1, 'UNIT_RANGE'],
    [parseBytes, Number.NaN, 'UNIT_RANGE'],
    [parseBytes, Number.POSITIVE_INFINITY, 'UNIT_RANGE'],
    [parseBytes, MAX + 1, 'UNIT_RANGE'],
    [parseBytes, '8192TiB', 'UNIT_RANGE'],
    [parseBytes, '0.2B', 'UNIT_RANGE'],
    [parseBytes, '64M', 'UNIT_UNKNOWN'],
    [parseBytes, '64MiB/s', 'UNIT_UNKNOWN'],
    [parseBytes, '5ms', 'UNIT_UNKNOWN'],
    [parseRate, '64MiB', 'UNIT_UNKNOWN'],
    [parseRate, '100Mbit/s', 'UNIT_UNKNOWN'],
    [parseDurationMs, '5MiB', 'UNIT_UNKNOWN'],
    [parseDurationMs, '5m', 'UNIT_UNKNOWN'],
  ])('%o of %j: %s', (parse, value, code) => {
    expect(() => parse(value)).toThrow(
      expect.objectContaining({ name: 'UnitError', code, value, hint: expect.any(String) }),
    );
  });

  it.each([
    [parseBytes, '64mib', 'MiB'],
    [parseBytes, '64Mb', 'MB'],
    [parseRate, '200MiB', 'MiB/s'],
    [parseDurationMs, '5msec', 'ms'],
  ])('%o of %j names the nearest unit: %s', (parse, value, unit) => {
    expect(() => parse(value)).toThrow(`nearest valid: ${unit}`);
  });

  it('with a message that does not repeat a megabyte of input', () => {
    expect(messageOf(() => parseBytes('9'.repeat(1e6))).length).toBeLessThan(120);
    expect(messageOf(() => parseBytes(`1${'x'.repeat(1e6)}`)).length).toBeLessThan(120);
  });
});

it('any text gives a number or a UnitError', () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^ ?\d{0,4}\.?\d{0,2} ?[kKMGT]?i?[bB]?(\/s)?[mun]?s?$/),
  );
  fc.assert(
    fc.property(text, fc.constantFrom(parseBytes, parseRate, parseDurationMs), (value, parse) => {
      expect(outcome(() => parse(value))).toMatch(/^(a number|refused)$/);
    }),
  );
});

function outcome(run: () => number): string {
  try {
    return run() >= 0 ? 'a number' : 'no number';
  } catch (error) {
    return error instanceof UnitError ? 'refused' : String(error);
  }
}

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof UnitError) return error.message;
  }
  throw new Error('expected a UnitError');
}

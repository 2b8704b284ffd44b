import { excerpt, UnitError } from './errors.ts';
import { parseRatio } from './ratio.ts';
import { parseBytes, parseDurationMs, parseRate } from './units.ts';

/** Kinds that are one number: bytes, bytes per second, milliseconds, a count, a share of 1, or a plain number. */
export type NumberKind = 'bytes' | 'rate' | 'duration' | 'count' | 'ratio' | 'number';

/** How an option is written. */
export type OptionKind = NumberKind | 'phases' | 'limiters' | 'path' | 'options';

/** How to write a value of each kind, for hints. */
export const KIND_HINTS: Record<OptionKind, string> = {
  bytes: 'write bytes as a number, or a size with a unit such as 64MiB or 64MB',
  rate: 'write bytes per second as a number, or a rate with a unit such as 200MiB/s',
  duration: 'write milliseconds as a number, or a duration with a unit such as 5ms, 500us or 2s',
  count: 'write a whole number',
  ratio: 'write a share as 0.875, 7/8 or 87.5%',
  number: 'write a number, like 0.5',
  phases: 'write 0s:50MiB/s+30s:unlimited, or a list of { afterMs, rate }',
  limiters: 'write [reserve+token-bucket,rate=200MiB/s], or a list of limiters',
  path: 'write the path of a JavaScript file',
  options: 'write a mapping of option names to values, or [option=value,…]',
};

/** Each kind's parser; the shorthand gives text, a config file text or a number. */
export const NUMBER_PARSERS: Record<NumberKind, (value: string | number) => number> = {
  bytes: parseBytes,
  rate: parseRate,
  duration: parseDurationMs,
  count: parseCount,
  ratio: parseRatio,
  number: parseNumber,
};

/** What text of a kind looks like, as far as a regular expression can tell an editor. */
export const NUMBER_PATTERNS: Record<NumberKind, string> = {
  bytes: String.raw`^\s*\d+(\.\d+)?\s*([kKMGT]?B|[KMGT]iB)?\s*$`,
  rate: String.raw`^\s*\d+(\.\d+)?\s*(([kKMGT]?B|[KMGT]iB)/s)?\s*$`,
  duration: String.raw`^\s*\d+(\.\d+)?\s*(ns|us|µs|μs|ms|s|min|h)?\s*$`,
  count: String.raw`^\s*\d{1,15}\s*$`,
  ratio: String.raw`^\s*\d+(\.\d+)?\s*(%|/\s*\d+(\.\d+)?)?\s*$`,
  number: String.raw`^\s*\d+(\.\d+)?\s*$`,
};

function parseCount(value: string | number): number {
  const text = String(value).trim();
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UnitError('UNIT_SYNTAX', `${excerpt(value)} is not a whole number`, value, KIND_HINTS.count);
}

function parseNumber(value: string | number): number {
  const text = String(value).trim();
  if (/^\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text);
  throw new UnitError('UNIT_SYNTAX', `${excerpt(value)} is not a number from 0 up`, value, KIND_HINTS.number);
}

import * as v from 'valibot';
import { excerpt, UnitError } from './errors.ts';
import { parseBytes, parseDurationMs, parseRate } from './units.ts';

/** How an option is written. A plain number is bytes, bytes per second, milliseconds or a count. */
export type OptionKind = 'bytes' | 'rate' | 'duration' | 'count';

/** Each kind's parser; the shorthand gives text, a config file text or a number. */
const PARSERS: Record<OptionKind, (value: string | number) => number> = {
  bytes: parseBytes,
  rate: parseRate,
  duration: parseDurationMs,
  count: parseCount,
};

/** How to write a value of each kind, for hints. */
export const KIND_HINTS: Record<OptionKind, string> = {
  bytes: 'write bytes as a number, or a size with a unit such as 64MiB or 64MB',
  rate: 'write bytes per second as a number, or a rate with a unit such as 200MiB/s',
  duration: 'write milliseconds as a number, or a duration with a unit such as 5ms, 500us or 2s',
  count: 'write a whole number',
};

/** What an option says of itself. `min` and `max` are in bytes, bytes per second, milliseconds or counts. */
export interface OptionSpec {
  readonly kind: OptionKind;
  readonly description: string;
  readonly min: number;
  readonly max: number;
}

/** A schema for one numeric option: takes text or a number, gives the number within its limits. Wrap it in `v.optional` for a default. */
export function numberOption({ kind, description, min, max }: OptionSpec) {
  return v.pipe(
    v.union([v.string(), v.number()], ({ received }) => `${received} is neither text nor a number`),
    v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
      try {
        const value = PARSERS[kind](dataset.value);
        if (value >= min && value <= max) return value;
        addIssue({ message: `${excerpt(dataset.value)} is not in ${min} … ${max}` });
      } catch (error) {
        if (!(error instanceof UnitError)) throw error;
        addIssue({ message: error.message });
      }
      return NEVER;
    }),
    v.description(description),
    v.metadata({ kind }),
  );
}

function parseCount(value: string | number): number {
  const text = String(value).trim();
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UnitError('UNIT_SYNTAX', `${excerpt(value)} is not a whole number`, value, KIND_HINTS.count);
}

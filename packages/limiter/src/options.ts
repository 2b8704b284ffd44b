import * as v from 'valibot';
import { excerpt, UnitError } from './errors.ts';
import { type NumberKind, NUMBER_PARSERS, NUMBER_PATTERNS, type OptionKind } from './option-kinds.ts';

/** What an option says of itself. `min` and `max` are in the unit of its kind: bytes, bytes per second, milliseconds, … */
export interface OptionSpec {
  readonly kind: NumberKind;
  readonly description: string;
  readonly min: number;
  readonly max: number;
}

/** What a schema tells of an option besides its type: how it is written, and its JSON Schema for editors. */
export interface OptionMetadata {
  readonly kind: OptionKind;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A schema for one numeric option: takes text or a number, gives the number within its limits. Wrap it in `v.optional` for a default. */
export function numberOption({ kind, description, min, max }: OptionSpec) {
  const number = kind === 'count' ? 'integer' : 'number';
  const metadata: OptionMetadata = {
    kind,
    json: {
      anyOf: [
        { type: number, minimum: min, maximum: max },
        { type: 'string', pattern: NUMBER_PATTERNS[kind] },
      ],
    },
  };
  return v.pipe(
    v.union([v.string(), v.number()], ({ received }) => `${received} is neither text nor a number`),
    v.rawTransform<string | number, number>(({ dataset, addIssue, NEVER }) => {
      try {
        const value = NUMBER_PARSERS[kind](dataset.value);
        if (value >= min && value <= max) return value;
        addIssue({ message: `${excerpt(dataset.value)} is not in ${min} … ${max}` });
      } catch (error) {
        if (!(error instanceof UnitError)) throw error;
        addIssue({ message: error.message });
      }
      return NEVER;
    }),
    v.description(description),
    v.metadata({ ...metadata }),
  );
}

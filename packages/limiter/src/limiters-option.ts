import * as v from 'valibot';
import { splitOutsideBrackets, withoutBrackets } from './brackets.ts';
import type { OptionMetadata } from './options.ts';
import { isRecord } from './record.ts';

export interface LimitersSpec {
  readonly description: string;
  readonly maxParts: number;
}

/** A limiter as a config file or the shorthand writes it; a registry makes a limiter of it. */
export type LimiterConfig = string | Readonly<Record<string, unknown>>;

/** A schema for an option that is a list of limiters; in the shorthand `[NAME,k=v…+NAME…]`. The limiters themselves are not looked at. */
export function limitersOption({ description, maxParts }: LimitersSpec) {
  const metadata: OptionMetadata = {
    kind: 'limiters',
    json: {
      anyOf: [
        { type: 'array', items: { $ref: '#/definitions/limiter' }, minItems: 1, maxItems: maxParts },
        { type: 'string' },
      ],
    },
  };
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, readonly LimiterConfig[]>(({ dataset, addIssue, NEVER }) => {
      const parts = partsOf(dataset.value);
      if (parts !== undefined && parts.length > 0 && parts.length <= maxParts) return parts;
      addIssue({ message: `not a list of 1 to ${maxParts} limiters` });
      return NEVER;
    }),
    v.description(description),
    v.metadata({ ...metadata }),
  );
}

/** As they are written, names and mappings; undefined when this is no list of them. */
export function partsOf(value: unknown): readonly LimiterConfig[] | undefined {
  const parts: unknown =
    typeof value === 'string' ? splitOutsideBrackets(withoutBrackets(value), '+') : value;
  return Array.isArray(parts) && parts.every(isLimiterConfig) ? parts : undefined;
}

function isLimiterConfig(value: unknown): value is LimiterConfig {
  return (typeof value === 'string' && value !== '') || isRecord(value);
}

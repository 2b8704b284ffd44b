import { toJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { builtinPolicies } from './builtin.ts';
import type { OptionMetadata } from './options.ts';
import type { LimiterPolicy } from './policy.ts';

/** A JSON Schema: plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/**
 * JSON Schema (draft 7) of a limiter's configuration, for editors: the shorthand as a string, or a mapping with a name. It is what they can check
 * while one types; `fromConfig` also checks units, ranges of text, and what is inside a shorthand.
 */
export function limiterJsonSchema(policies: readonly LimiterPolicy[] = builtinPolicies): JsonSchema {
  const names = policies.map(({ name }) => name);
  return {
    $schema: DRAFT,
    title: 'Stillframe limiter',
    allOf: [{ $ref: '#/definitions/limiter' }],
    definitions: {
      limiter: {
        anyOf: [
          {
            type: 'string',
            pattern: `^\\s*(${names.join('|')})\\s*(,|$)`,
            description: 'NAME or NAME,option=value,…',
          },
          ...policies.map(({ name }) => ({ $ref: `#/definitions/${name}` })),
        ],
      },
      ...Object.fromEntries(policies.map((policy) => [policy.name, policySchema(policy)])),
    },
  };
}

function policySchema({ name, summary, options }: LimiterPolicy): JsonSchema {
  const properties = Object.entries(options.entries).map(([key, entry]) => [key, entrySchema(entry)]);
  const required = Object.entries(options.entries).filter(([, entry]) => entry.type !== 'optional');
  return {
    type: 'object',
    description: summary,
    properties: { name: { const: name }, ...Object.fromEntries(properties) },
    required: ['name', ...required.map(([key]) => key)],
    additionalProperties: false,
  };
}

/** Of an option as it is written; `numberOption` and its like bring their own, other schemas are converted. */
function entrySchema(entry: v.ObjectEntries[string]): JsonSchema {
  const optional = entry as v.GenericSchema & {
    readonly wrapped?: v.GenericSchema;
    readonly default?: unknown;
  };
  const schema = optional.wrapped ?? optional;
  const { json } = v.getMetadata(schema) as Partial<OptionMetadata>;
  const description = v.getDescription(schema);
  return {
    ...(json ?? converted(schema)),
    ...(description === undefined ? {} : { description }),
    ...(optional.default === undefined ? {} : { default: optional.default }),
  };
}

function converted(schema: v.GenericSchema): JsonSchema {
  const { $schema: _, ...json } = toJsonSchema(schema, { typeMode: 'input', errorMode: 'ignore' });
  return json;
}

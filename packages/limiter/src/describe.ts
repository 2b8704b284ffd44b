import * as v from 'valibot';
import type { OptionKind } from './option-kinds.ts';
import type { LimiterPolicy } from './policy.ts';

/** One option, for help text. */
export interface OptionDescription {
  readonly name: string;
  /** How it is written; absent when the schema does not say. */
  readonly kind?: OptionKind;
  readonly required: boolean;
  /** As it would be written; absent when there is none. */
  readonly default?: unknown;
  readonly description: string;
}

/** One policy, for help text. */
export interface LimiterDescription {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionDescription[];
}

export function describePolicy(policy: LimiterPolicy): LimiterDescription {
  const options = Object.keys(policy.options.entries).map((key) => describeOption(policy, key));
  return { name: policy.name, summary: policy.summary, options };
}

/** What the schema says of the option `name`, which may be unknown: then only its name is told. */
export function describeOption(policy: LimiterPolicy, name: string): OptionDescription {
  const entry = policy.options.entries[name];
  if (entry === undefined) return { name, required: false, description: '' };
  const schema = isOptional(entry) ? entry.wrapped : entry;
  const { kind } = v.getMetadata(schema) as { kind?: OptionKind };
  const fallback: unknown = isOptional(entry) ? entry.default : undefined;
  return {
    name,
    ...(kind === undefined ? {} : { kind }),
    required: !isOptional(entry),
    ...(fallback === undefined ? {} : { default: fallback }),
    description: v.getDescription(schema) ?? '',
  };
}

function isOptional(entry: v.ObjectEntries[string]): entry is v.OptionalSchema<v.GenericSchema, unknown> {
  return entry.type === 'optional';
}

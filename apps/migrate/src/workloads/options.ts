import * as v from 'valibot';
import { WorkloadError } from './error.ts';
import { nearest } from './nearest.ts';

/** One option of a workload: a number that may be written with a unit, with its default. */
type OptionSchema = v.OptionalSchema<v.GenericSchema<string | number, number>, string | number>;

export type OptionsSchema = v.ObjectSchema<Record<string, OptionSchema>, undefined>;

/** Complete options, units parsed. Throws WORKLOAD_SPEC that names the key at fault, and for an unknown key the nearest known one. */
export function validateOptions<Schema extends OptionsSchema>(
  name: string,
  schema: Schema,
  given: Readonly<Record<string, unknown>>,
): v.InferOutput<Schema> {
  const known = Object.keys(schema.entries);
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new WorkloadError(
      'WORKLOAD_SPEC',
      `${name} has no option "${unknown}"; the nearest is ${nearest(unknown, known)}`,
    );
  }
  const result = v.safeParse(schema, given);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new WorkloadError('WORKLOAD_SPEC', `${name}: ${v.getDotPath(issue) ?? 'options'}: ${issue.message}`);
}

export interface OptionDescription {
  readonly key: string;
  /** As it would be written. */
  readonly default: string | number;
  readonly description: string;
}

export function describeOptions(schema: OptionsSchema): readonly OptionDescription[] {
  return Object.entries(schema.entries).map(([key, option]) => ({
    key,
    default: option.default,
    description: v.getDescription(option.wrapped) ?? '',
  }));
}

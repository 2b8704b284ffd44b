import type * as v from 'valibot';
import type { Limiter } from './limiter.ts';

/** A strict object schema: every option is an entry, any other key is an error. */
export type OptionsSchema = v.StrictObjectSchema<v.ObjectEntries, undefined>;

/** Builds limiters from configuration; what a policy composed of others gets to build its parts. */
export interface LimiterFactory {
  fromConfig(value: unknown): Limiter;
}

/** A kind of limiter that configuration can choose: its name, its options, and how to build one. */
export interface LimiterPolicy<Schema extends OptionsSchema = OptionsSchema> {
  /** Lower-case words joined by hyphens. */
  readonly name: string;
  /** One line for help text. */
  readonly summary: string;
  readonly options: Schema;
  /** `options` has passed the schema: defaults are filled in, units are numbers. */
  create(options: v.InferOutput<Schema>, factory: LimiterFactory): Limiter;
}

/** Gives a policy its type; changes nothing. */
export function definePolicy<Schema extends OptionsSchema>(
  policy: LimiterPolicy<Schema>,
): LimiterPolicy<Schema> {
  return policy;
}

import * as v from 'valibot';
import { excerpt, LimiterConfigError } from './errors.ts';
import { nearest } from './nearest.ts';
import { KIND_HINTS } from './option-kinds.ts';
import { describeOption } from './describe.ts';
import type { LimiterPolicy, OptionsSchema } from './policy.ts';

/**
 * Options as the policy's schema makes them: defaults filled in, units parsed.
 * @throws {LimiterConfigError} naming the first option that is unknown, missing or invalid.
 */
export function validateOptions<Schema extends OptionsSchema>(
  policy: LimiterPolicy<Schema>,
  input: Readonly<Record<string, unknown>>,
): v.InferOutput<Schema> {
  // A misspelt key comes first: the "missing" one that it was meant to be would send the reader to the wrong place.
  refuseUnknown(policy, Object.keys(input));
  refuseMissing(policy, input);
  const result = v.safeParse(policy.options, { ...input }, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = v.getDotPath(issue) ?? '';
  throw new LimiterConfigError(
    'LIMITER_INVALID_OPTION',
    key,
    `limiter ${policy.name}: option ${key}: ${issue.message}`,
    hintFor(policy, key),
  );
}

function refuseUnknown(policy: LimiterPolicy, keys: readonly string[]): void {
  const known = Object.keys(policy.options.entries);
  const key = keys.find((name) => !known.includes(name));
  if (key === undefined) return;
  const near = nearest(key, known);
  throw new LimiterConfigError(
    'LIMITER_UNKNOWN_OPTION',
    key,
    `limiter ${policy.name}: unknown option ${excerpt(key)}${near === undefined ? '' : `; nearest valid: ${near}`}`,
    known.length === 0 ? `${policy.name} takes no options` : `options: ${known.join(', ')}`,
  );
}

function refuseMissing(policy: LimiterPolicy, input: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(policy.options.entries)) {
    if (Object.hasOwn(input, key) || !describeOption(policy, key).required) continue;
    const message = `limiter ${policy.name}: option ${key} is missing`;
    throw new LimiterConfigError('LIMITER_MISSING_OPTION', key, message, hintFor(policy, key));
  }
}

function hintFor(policy: LimiterPolicy, key: string): string {
  const { description, kind } = describeOption(policy, key);
  const how = kind === undefined ? undefined : KIND_HINTS[kind];
  return [description, how].filter(Boolean).join('; ');
}

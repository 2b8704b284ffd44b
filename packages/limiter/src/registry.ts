import { describePolicy, type LimiterDescription } from './describe.ts';
import { excerpt, LimiterConfigError } from './errors.ts';
import type { Limiter } from './limiter.ts';
import { nearest } from './nearest.ts';
import type { LimiterFactory, LimiterPolicy } from './policy.ts';
import { isRecord } from './record.ts';
import { splitShorthand } from './shorthand.ts';
import { validateOptions } from './validate.ts';

/** Policies chosen by name. */
export interface LimiterRegistry extends LimiterFactory {
  /** From the shorthand `NAME[,k=v…]`. @throws {LimiterConfigError} */
  parse(text: string): Limiter;
  /** From a parsed YAML or JSON value: `{ name, …options }`, or the shorthand as a string. @throws {LimiterConfigError} */
  fromConfig(value: unknown): Limiter;
  /** In the order of registration. */
  describe(): readonly LimiterDescription[];
}

/**
 * A registry of these policies and no others.
 * @throws {RangeError} when two have the same name.
 */
export function createLimiterRegistry(policies: readonly LimiterPolicy[]): LimiterRegistry {
  const byName = new Map(policies.map((policy) => [policy.name, policy]));
  if (byName.size !== policies.length) throw new RangeError('two limiter policies have the same name');

  const build = (name: unknown, options: Readonly<Record<string, unknown>>): Limiter => {
    const policy = typeof name === 'string' ? byName.get(name) : undefined;
    if (policy === undefined) throw unknownName(name, [...byName.keys()]);
    return policy.create(validateOptions(policy, options), registry);
  };
  const registry: LimiterRegistry = {
    parse(text) {
      const { name, options } = splitShorthand(text);
      return build(name, options);
    },
    fromConfig(value) {
      if (typeof value === 'string') return registry.parse(value);
      if (!isRecord(value)) throw notALimiter(value);
      const { name, ...options } = value;
      return build(name, options);
    },
    describe: () => policies.map(describePolicy),
  };
  return registry;
}

function unknownName(name: unknown, known: readonly string[]): LimiterConfigError {
  const near = typeof name === 'string' ? nearest(name, known) : undefined;
  const what = name === undefined ? 'the limiter has no name' : `unknown limiter ${excerpt(name)}`;
  return new LimiterConfigError(
    name === undefined ? 'LIMITER_MISSING_OPTION' : 'LIMITER_UNKNOWN_NAME',
    'name',
    near === undefined ? what : `${what}; nearest valid: ${near}`,
    `limiters: ${known.join(', ')}`,
  );
}

function notALimiter(value: unknown): LimiterConfigError {
  const message = `a limiter is a mapping with a name, not ${excerpt(value)}`;
  return new LimiterConfigError('LIMITER_SYNTAX', '', message, 'write { name: none } or just none');
}

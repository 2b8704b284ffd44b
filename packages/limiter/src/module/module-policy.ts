import * as v from 'valibot';
import { splitOutsideBrackets, withoutBrackets } from '../brackets.ts';
import { LimiterConfigError } from '../errors.ts';
import type { Limiter } from '../limiter.ts';
import type { OptionMetadata } from '../options.ts';
import { definePolicy, type LimiterFactory } from '../policy.ts';
import { isRecord } from '../record.ts';
import { checkLimiter } from './check-module.ts';
import { moduleError } from './module-error.ts';
import type { LimiterModule, OptionsValidator } from './limiter-module.ts';

const MAX_PATH_LENGTH = 4096;

const path: OptionMetadata = { kind: 'path', json: { type: 'string', minLength: 1 } };
const moduleOptions: OptionMetadata = { kind: 'options', json: { type: ['object', 'string'] } };

const moduleSchema = v.strictObject({
  path: v.pipe(
    v.string(({ received }) => `${received} is not text`),
    v.nonEmpty('it is empty'),
    v.maxLength(MAX_PATH_LENGTH, `it is longer than ${MAX_PATH_LENGTH} letters`),
    v.description('the JavaScript file that exports the limiter; it runs with all that this program may do'),
    v.metadata({ ...path }),
  ),
  options: v.optional(
    v.pipe(
      v.unknown(),
      v.rawTransform<unknown, Readonly<Record<string, unknown>>>(({ dataset, addIssue, NEVER }) => {
        const options = optionsOf(dataset.value);
        if (options !== undefined) return options;
        addIssue({ message: 'neither a mapping nor [option=value,…]' });
        return NEVER;
      }),
      v.description('options for it, as it describes them itself'),
      v.metadata({ ...moduleOptions }),
    ),
  ),
});

/** The policy `module` for files that have been loaded, by the path under which the configuration names them. */
export function modulePolicyFor(modules: ReadonlyMap<string, LimiterModule>) {
  return definePolicy({
    name: 'module',
    summary: 'a limiter from a file of yours',
    options: moduleSchema,
    create: ({ path: file, options = {} }, factory) => {
      const loaded = modules.get(file);
      if (loaded === undefined) throw notLoaded(file);
      return create(file, loaded, options, factory);
    },
  });
}

/** Knows no file: for descriptions and schemas, and for a hint to those who forget to load. */
export const modulePolicy = modulePolicyFor(new Map());

function create(
  file: string,
  loaded: LimiterModule,
  options: Readonly<Record<string, unknown>>,
  factory: LimiterFactory,
): Limiter {
  try {
    return checkLimiter(loaded.create(validated(file, loaded.options, options), factory));
  } catch (error) {
    if (error instanceof LimiterConfigError) throw error;
    throw moduleError('LIMITER_MODULE_INVALID', file, error);
  }
}

function validated(
  file: string,
  validator: OptionsValidator | undefined,
  options: Readonly<Record<string, unknown>>,
): unknown {
  if (validator === undefined) {
    const [unknown] = Object.keys(options);
    if (unknown === undefined) return options;
    throw invalidOption(file, unknown, 'the module takes no options');
  }
  const result = validator['~standard'].validate(options);
  if ('then' in result) throw new TypeError('its options are checked asynchronously');
  if (result.issues === undefined) return result.value;
  const [issue] = result.issues;
  const keys = (issue?.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  throw invalidOption(file, keys.join('.'), issue?.message ?? 'the module refuses the options');
}

function invalidOption(file: string, key: string, message: string): LimiterConfigError {
  return new LimiterConfigError(
    'LIMITER_INVALID_OPTION',
    key === '' ? 'options' : `options.${key}`,
    `limiter module ${file}: option ${key}: ${message}`,
    'the file says what options it takes',
  );
}

function notLoaded(file: string): LimiterConfigError {
  return new LimiterConfigError(
    'LIMITER_MODULE_NOT_LOADED',
    'path',
    `limiter module ${file} has not been loaded`,
    'build the limiter by the registry that loadLimiterModules(config, load) resolves to',
  );
}

/** A mapping, or the shorthand's `[option=value,…]`; undefined when it is neither. */
function optionsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (isRecord(value)) return value;
  if (typeof value !== 'string') return undefined;
  const text = withoutBrackets(value);
  const pairs = text === '' ? [] : splitOutsideBrackets(text, ',');
  if (pairs === undefined || !pairs.every((pair) => pair.indexOf('=') > 0)) return undefined;
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
    }),
  );
}

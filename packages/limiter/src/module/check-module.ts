import { excerpt } from '../errors.ts';
import type { Limiter } from '../limiter.ts';
import { quietObservation } from '../compliance/observation.ts';
import { grantFault } from '../grant.ts';
import { plainFault } from '../plain.ts';
import type { LimiterModule } from './limiter-module.ts';

/** A file's contents are no module for a limiter; the message says what is wrong, and where. */
class ModuleShapeError extends Error {
  override readonly name = 'ModuleShapeError';
}

/** Longest name; it goes into every line of a log. */
const MAX_NAME_LENGTH = 64;

/**
 * What `import()` gave, as a `LimiterModule`: its default export if it has one, else its named exports.
 * @throws {ModuleShapeError}
 */
export function checkModule(loaded: unknown): LimiterModule {
  if (!isObject(loaded)) throw new ModuleShapeError(`loading gave ${excerpt(loaded)}, not a module`);
  const where = 'default' in loaded ? 'the default export' : 'the module';
  const value = 'default' in loaded ? unwrapped(loaded['default']) : loaded;
  if (!isObject(value)) throw new ModuleShapeError(`${where} is ${excerpt(value)}, not an object`);
  checkName(value['name'], where);
  if (isModule(value)) {
    checkOptions(value['options'], where);
    return value;
  }
  if (isLimiter(value)) return { name: value.name, create: () => value };
  throw new ModuleShapeError(
    `${where} has ${missing(value)}; it needs create(options), or initial(nowNs) and step(state, observation)`,
  );
}

/**
 * What `create` returned, tried once: it must have the functions of a `Limiter`, and its first step must be one that a driver can act on.
 * @throws {ModuleShapeError}, or whatever its functions throw.
 */
export function checkLimiter(value: unknown): Limiter {
  if (!isObject(value)) throw new ModuleShapeError(`create returned ${excerpt(value)}, not a limiter`);
  checkName(value['name'], 'the limiter');
  if (!isLimiter(value)) throw new ModuleShapeError(`the limiter has ${missing(value)}`);
  const observation = quietObservation();
  const state = value.initial(observation.nowNs);
  demandPlain(state, 'what initial() returned');
  const step: unknown = value.step(state, observation);
  if (!isObject(step)) throw new ModuleShapeError(`step() returned ${excerpt(step)}, not { state, grant }`);
  if (!isObject(step['grant'])) throw new ModuleShapeError(`step() returned no grant`);
  demandPlain(step['state'], 'the state that step() returned');
  const fault = grantFault(step['grant'], observation);
  if (fault !== undefined) throw new ModuleShapeError(`the grant that step() returned is no grant: ${fault}`);
  return value;
}

/** A CommonJS file loaded by `import()` that was compiled from ES modules has a default within its default. */
function unwrapped(value: unknown): unknown {
  return isObject(value) && value['__esModule'] === true && 'default' in value ? value['default'] : value;
}

function checkName(name: unknown, where: string): void {
  if (typeof name === 'string' && name !== '' && name.length <= MAX_NAME_LENGTH) return;
  throw new ModuleShapeError(
    `the name of ${where} is ${excerpt(name)}, not text of 1 to ${MAX_NAME_LENGTH} letters`,
  );
}

function checkOptions(options: unknown, where: string): void {
  if (options === undefined) return;
  const standard = isObject(options) ? options['~standard'] : undefined;
  if (isObject(standard) && typeof standard['validate'] === 'function') return;
  throw new ModuleShapeError(`options of ${where} is no schema: it has no ~standard.validate function`);
}

function missing(value: Readonly<Record<string, unknown>>): string {
  const lacking = ['initial', 'step'].filter((name) => typeof value[name] !== 'function');
  return `no function ${lacking.join(' and no function ')}`;
}

function demandPlain(value: unknown, what: string): void {
  const fault = plainFault(value, what);
  if (fault !== undefined) throw new ModuleShapeError(`${fault}: a state must be plain data`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function isModule(value: Record<string, unknown>): value is Record<string, unknown> & LimiterModule {
  return typeof value['create'] === 'function';
}

function isLimiter(value: Record<string, unknown>): value is Record<string, unknown> & Limiter {
  return typeof value['initial'] === 'function' && typeof value['step'] === 'function';
}

import { builtinPolicies } from '../builtin.ts';
import { partsOf } from '../limiters-option.ts';
import type { LimiterPolicy } from '../policy.ts';
import { isRecord } from '../record.ts';
import { createLimiterRegistry, type LimiterRegistry } from '../registry.ts';
import { splitShorthand } from '../shorthand.ts';
import { checkModule } from './check-module.ts';
import type { LimiterModule } from './limiter-module.ts';
import { moduleError } from './module-error.ts';
import { modulePolicy, modulePolicyFor } from './module-policy.ts';

/** Files that one configuration may load. */
const MAX_MODULES = 8;

/**
 * Loads the files that a limiter's configuration names, wherever in it, and resolves to a registry that can build it: the only step of a
 * limiter that is not synchronous. `load` gets each path as it is written and resolves to what `import()` gives; it decides what
 * a path is relative to. `config` is the shorthand or a parsed value; nothing else in it is looked at yet.
 * @throws {LimiterConfigError} `LIMITER_MODULE_LOAD` or `LIMITER_MODULE_INVALID`.
 */
export async function loadLimiterModules(
  config: unknown,
  load: (path: string) => Promise<unknown>,
  policies: readonly LimiterPolicy[] = builtinPolicies,
): Promise<LimiterRegistry> {
  const files = [...new Set(modulePathsIn(config))];
  if (files.length > MAX_MODULES) {
    throw moduleError('LIMITER_MODULE_LOAD', files[MAX_MODULES] ?? '', `more than ${MAX_MODULES} modules`);
  }
  const modules = await Promise.all(files.map(async (file) => [file, await loadModule(file, load)] as const));
  const others = policies.filter(({ name }) => name !== modulePolicy.name);
  return createLimiterRegistry([...others, modulePolicyFor(new Map(modules))]);
}

async function loadModule(file: string, load: (path: string) => Promise<unknown>): Promise<LimiterModule> {
  let loaded: unknown;
  try {
    loaded = await load(file);
  } catch (error) {
    throw moduleError('LIMITER_MODULE_LOAD', file, error);
  }
  try {
    return checkModule(loaded);
  } catch (error) {
    throw moduleError('LIMITER_MODULE_INVALID', file, error);
  }
}

/** What is malformed here is told when the limiter is built. */
function modulePathsIn(config: unknown): readonly string[] {
  const options = typeof config === 'string' ? shorthandOf(config) : config;
  if (!isRecord(options)) return [];
  const { name, path, of } = options;
  if (name === modulePolicy.name) return typeof path === 'string' ? [path] : [];
  return (partsOf(of) ?? []).flatMap(modulePathsIn);
}

function shorthandOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const { name, options } = splitShorthand(text);
    return { ...options, name };
  } catch {
    return undefined;
  }
}

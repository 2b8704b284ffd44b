import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { quietObservation } from '../src/compliance.ts';
import {
  builtinPolicies,
  createLimiterRegistry,
  definePolicy,
  type Limiter,
  LimiterConfigError,
  type LimiterModule,
  loadLimiterModules,
  none,
} from '../src/index.ts';

/** Files by path; a path that is not there cannot be loaded. */
const loaderOf =
  (files: Readonly<Record<string, unknown>>) =>
  (path: string): Promise<unknown> =>
    path in files ? Promise.resolve(files[path]) : Promise.reject(new Error(`no such file: ${path}`));

/** What building the configuration gives when the module at `./m.mjs` is this. */
async function build(
  loaded: unknown,
  config: unknown = { name: 'module', path: './m.mjs' },
): Promise<Limiter> {
  const registry = await loadLimiterModules(config, loaderOf({ './m.mjs': loaded }));
  return registry.fromConfig(config);
}

const limited: LimiterModule<{ pages: number }> = {
  name: 'mine',
  options: v.strictObject({ pages: v.optional(v.pipe(v.unknown(), v.toNumber(), v.integer()), 7) }),
  create: ({ pages }) => ({
    ...none(),
    name: 'mine',
    step: () => ({ state: null, grant: { pages, notBeforeNs: 0, wakeOnFault: false } }),
  }),
};

const pagesOf = (limiter: Limiter): number =>
  limiter.step(limiter.initial(0), quietObservation()).grant.pages;

describe('a file gives a limiter', () => {
  it.each<[string, unknown]>([
    ['by a default export', { default: { name: 'mine', create: none } }],
    ['by named exports', { name: 'mine', create: none }],
    ['which has no options, as it is', { default: none() }],
    ['by exporting its functions', { ...none() }],
    ['compiled to CommonJS', { default: { __esModule: true, default: { name: 'mine', create: none } } }],
    [
      'by a policy for a registry',
      { default: definePolicy({ name: 'p', summary: 's', options: v.strictObject({}), create: none }) },
    ],
  ])('%s', async (_how, loaded) => {
    await expect(build(loaded)).resolves.toMatchObject({ name: 'none' });
  });

  it.each<[string, unknown, number]>([
    ['defaults', { name: 'module', path: './m.mjs' }, 7],
    ['a mapping', { name: 'module', path: './m.mjs', options: { pages: 5 } }, 5],
    ['the shorthand', 'module,path=./m.mjs,options=[pages=3]', 3],
    ['the shorthand within min', 'min,of=[none+module,path=./m.mjs,options=[pages=2]]', 2],
    ['a list within min', { name: 'min', of: ['none', { name: 'module', path: './m.mjs' }] }, 7],
  ])('with options from %s', async (_how, config, pages) => {
    expect(pagesOf(await build({ default: limited }, config))).toBe(pages);
  });

  it('that has limiters as its options', async () => {
    const first = {
      name: 'first-of',
      options: v.strictObject({ of: v.array(v.unknown()) }),
      create: ({ of }, factory) => factory.fromConfig(of[0]),
    } satisfies LimiterModule<{ of: unknown[] }>;
    const config = { name: 'module', path: './m.mjs', options: { of: ['linear-scan'] } };
    await expect(build({ default: first }, config)).resolves.toMatchObject({ name: 'linear-scan' });
  });
});

const stepping = (change: Partial<Limiter>): unknown => ({ default: { ...none(), ...change } });

describe('a file that is no limiter is refused, with what is wrong', () => {
  it.each<[unknown, string]>([
    [undefined, 'loading gave a value of type undefined, not a module'],
    [{}, 'the name of the module is a value of type undefined'],
    [{ default: 5 }, 'the default export is 5, not an object'],
    [{ default: {} }, 'the name of the default export is a value of type undefined'],
    [{ name: '', create: none }, 'the name of the module is "", not text of 1 to 64 letters'],
    [{ name: 'x'.repeat(65), create: none }, 'not text of 1 to 64 letters'],
    [{ name: 'mine' }, 'the module has no function initial and no function step; it needs create(options)'],
    [{ name: 'mine', initial: () => 1 }, 'the module has no function step'],
    [
      { name: 'mine', create: none, options: { pages: 'number' } },
      'options of the module is no schema: it has no ~standard.validate function',
    ],
    [{ name: 'mine', create: () => 3 }, 'create returned 3, not a limiter'],
    [{ name: 'mine', create: () => ({ name: 'mine' }) }, 'the limiter has no function initial'],
    [{ name: 'mine', create: () => ({ ...none(), name: 5 }) }, 'the name of the limiter is 5'],
    [stepping({ initial: () => undefined }), 'what initial() returned is a value of type undefined'],
    [stepping({ initial: () => new Map() }), 'what initial() returned is an object with a class'],
    [stepping({ step: () => null! }), 'step() returned null, not { state, grant }'],
    [stepping({ step: () => ({ state: null, grant: null! }) }), 'step() returned no grant'],
    [
      stepping({ step: () => ({ ...none().step(null, quietObservation()), state: Number.NaN }) }),
      'the state that step() returned is NaN: a state must be plain data',
    ],
    [
      stepping({ step: () => ({ state: 1, grant: { pages: 0.5, notBeforeNs: 0, wakeOnFault: true } }) }),
      'the grant that step() returned is no grant: pages is 0.5, not a whole number',
    ],
    [
      {
        name: 'mine',
        create: () => {
          throw new Error('not today');
        },
      },
      'not today',
    ],
    [
      { name: 'mine', create: none, options: { '~standard': { validate: () => Promise.resolve({}) } } },
      'its options are checked asynchronously',
    ],
    [{ name: 'mine', create: none, options: { '~standard': { validate: () => null } } }, 'is not one: '],
  ])('%j: %s', async (loaded, message) => {
    const refusal: unknown = await build(loaded).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(LimiterConfigError);
    expect(refusal).toMatchObject({ code: 'LIMITER_MODULE_INVALID', key: 'path' });
    expect(String(refusal)).toContain('limiter module ./m.mjs');
    expect(String(refusal)).toContain(message);
  });

  it('whose code fails to load: the cause is kept', async () => {
    const cause = new SyntaxError('Unexpected token');
    const loading = loadLimiterModules('module,path=./m.mjs', () => Promise.reject(cause));
    await expect(loading).rejects.toMatchObject({
      code: 'LIMITER_MODULE_LOAD',
      message: 'limiter module ./m.mjs cannot be loaded: Unexpected token',
      cause,
    });
  });

  it.each<[unknown, string, string]>([
    [{ default: limited }, 'options.pages', 'Invalid integer'],
    [{ name: 'mine', create: none }, 'options.pages', 'the module takes no options'],
  ])('or whose options are wrong', async (loaded, key, message) => {
    const config = { name: 'module', path: './m.mjs', options: { pages: 1.5 } };
    await expect(build(loaded, config)).rejects.toMatchObject({
      code: 'LIMITER_INVALID_OPTION',
      key,
      message: expect.stringContaining(message),
    });
  });
});

const minOf = (paths: readonly string[]): unknown => ({
  name: 'min',
  of: paths.map((path) => ({ name: 'module', path })),
});

describe('loading', () => {
  it.each<[string, unknown]>([
    ['only what is named', 'none'],
    ['nothing for a malformed configuration: building it tells', 'min,of=[module'],
    ['nothing for what is no configuration', 5],
    ['nothing for a path that is no text', { name: 'module', path: 5 }],
  ])('%s', async (_what, config) => {
    const asked: string[] = [];
    const load = (path: string): Promise<unknown> => Promise.resolve(asked.push(path));
    await loadLimiterModules(config, load);
    expect(asked).toEqual([]);
  });

  it('each file once, at most eight', async () => {
    const paths = Array.from({ length: 9 }, (_, index) => `./${index}.mjs`);
    const asked: string[] = [];
    const load = (path: string): Promise<unknown> => {
      asked.push(path);
      return Promise.resolve({ ...none() });
    };
    await loadLimiterModules(minOf([...paths.slice(0, 8), './0.mjs']), load);
    expect(asked).toEqual(paths.slice(0, 8));
    await expect(loadLimiterModules(minOf(paths), load)).rejects.toMatchObject({
      code: 'LIMITER_MODULE_LOAD',
    });
  });

  it('keeps the other policies that it was given', async () => {
    const registry = await loadLimiterModules('none', loaderOf({}), builtinPolicies.slice(0, 2));
    expect(registry.describe().map(({ name }) => name)).toEqual(['none', 'linear-scan', 'module']);
  });
});

it('says so when nobody has loaded the file', () => {
  const registry = createLimiterRegistry(builtinPolicies);
  expect(() => registry.parse('module,path=./m.mjs')).toThrow(
    expect.objectContaining({ code: 'LIMITER_MODULE_NOT_LOADED' }),
  );
});

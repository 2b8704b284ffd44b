import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { quietObservation } from '../src/compliance.ts';
import {
  builtinPolicies,
  createLimiterRegistry,
  definePolicy,
  describeLimiters,
  type Limiter,
  LimiterConfigError,
  limiterFromConfig,
  linearScan,
  none,
  parseLimiter,
  tokenBucket,
} from '../src/index.ts';

/** What tells limiters apart that look the same from outside: the grant and state after a slow fault and a pause. */
function behaviour(limiter: Limiter): unknown {
  const slow = quietObservation({ nowNs: 1e12, faults: 1, lastFaultReadNs: 1e12 - 7e6, sweptPages: 0 });
  const { state } = limiter.step(limiter.initial(1e12), slow);
  const later = quietObservation({ nowNs: 1e12 + 1e6, sweptPages: 8000 });
  return [limiter.name, limiter.initial(1e12), state, limiter.step(state, later)];
}

describe('the shorthand', () => {
  it.each([
    ['none', none()],
    ['linear-scan', linearScan()],
    ['linear-scan,waits=100', linearScan({ waits: 100 })],
    [' linear-scan , slowFaultMs = 6.5ms , waitMs=250us ', linearScan({ slowFaultMs: 6.5, waitMs: 0.25 })],
    ['linear-scan,slowFaultMs=8', linearScan({ slowFaultMs: 8 })],
    ['token-bucket,rate=200MiB/s,burst=64MiB', tokenBucket({ rate: 200 * 2 ** 20, burst: 64 * 2 ** 20 })],
    ['token-bucket,rate=1000000', tokenBucket({ rate: 1e6, burst: 4 * 2 ** 20 })],
  ])('%s', (text, limiter) => {
    expect(behaviour(parseLimiter(text))).toEqual(behaviour(limiter));
    expect(behaviour(limiterFromConfig(text))).toEqual(behaviour(limiter));
  });
});

describe('the config value', () => {
  it.each([
    [{ name: 'none' }, none()],
    [{ name: 'linear-scan', waits: 7, waitMs: '2ms' }, linearScan({ waits: 7, waitMs: 2 })],
    [
      { name: 'token-bucket', rate: '200MiB/s', burst: '64MiB' },
      tokenBucket({ rate: 209_715_200, burst: 67_108_864 }),
    ],
    [{ name: 'token-bucket', rate: 1e6, burst: 5e6 }, tokenBucket({ rate: '1MB/s', burst: '5MB' })],
  ])('%j', (config, limiter) => {
    expect(behaviour(limiterFromConfig(config))).toEqual(behaviour(limiter));
  });
});

describe('an error names the key, and the nearest valid one', () => {
  it.each([
    ['', 'LIMITER_SYNTAX', 'name', '"" names no limiter'],
    [',waits=1', 'LIMITER_SYNTAX', 'name', 'names no limiter'],
    ['linear-scan,waits', 'LIMITER_SYNTAX', 'waits', '"waits" is not option=value'],
    ['linear-scan,=1', 'LIMITER_SYNTAX', '=1', '"=1" is not option=value'],
    ['linear-scan,', 'LIMITER_SYNTAX', '', '"" is not option=value'],
    ['linear-scan,waits=1,waits=2', 'LIMITER_DUPLICATE_OPTION', 'waits', 'option "waits" is given twice'],
    [
      'linearscan',
      'LIMITER_UNKNOWN_NAME',
      'name',
      'unknown limiter "linearscan"; nearest valid: linear-scan',
    ],
    ['constructor', 'LIMITER_UNKNOWN_NAME', 'name', 'unknown limiter "constructor"; nearest valid: '],
    [{ name: 'None' }, 'LIMITER_UNKNOWN_NAME', 'name', 'unknown limiter "None"; nearest valid: none'],
    [{ name: 5 }, 'LIMITER_UNKNOWN_NAME', 'name', 'unknown limiter 5'],
    [{ rate: 5 }, 'LIMITER_MISSING_OPTION', 'name', 'the limiter has no name'],
    [undefined, 'LIMITER_SYNTAX', '', 'not a value of type undefined'],
    [null, 'LIMITER_SYNTAX', '', 'not null'],
    [['none'], 'LIMITER_SYNTAX', '', 'not a list'],
    [3, 'LIMITER_SYNTAX', '', 'not 3'],
    [
      'linear-scan,wait=5',
      'LIMITER_UNKNOWN_OPTION',
      'wait',
      'limiter linear-scan: unknown option "wait"; nearest valid: waits',
    ],
    [
      'linear-scan,slowfaultms=5',
      'LIMITER_UNKNOWN_OPTION',
      'slowfaultms',
      'unknown option "slowfaultms"; nearest valid: slowFaultMs',
    ],
    ['linear-scan,name=none', 'LIMITER_UNKNOWN_OPTION', 'name', 'unknown option "name"'],
    ['linear-scan,__proto__=1', 'LIMITER_UNKNOWN_OPTION', '__proto__', 'unknown option "__proto__"'],
    ['none,waits=1', 'LIMITER_UNKNOWN_OPTION', 'waits', 'limiter none: unknown option "waits"'],
    [
      { name: 'token-bucket', rte: '1MB/s' },
      'LIMITER_UNKNOWN_OPTION',
      'rte',
      'unknown option "rte"; nearest valid: rate',
    ],
    ['token-bucket', 'LIMITER_MISSING_OPTION', 'rate', 'limiter token-bucket: option rate is missing'],
    [
      'token-bucket,rate=1MiB',
      'LIMITER_INVALID_OPTION',
      'rate',
      'option rate: unknown unit "MiB" in the rate "1MiB"; nearest valid: MiB/s',
    ],
    ['token-bucket,rate=', 'LIMITER_INVALID_OPTION', 'rate', '"" is not a rate'],
    ['token-bucket,rate=fast', 'LIMITER_INVALID_OPTION', 'rate', '"fast" is not a rate'],
    [
      { name: 'token-bucket', rate: null },
      'LIMITER_INVALID_OPTION',
      'rate',
      'option rate: null is neither text nor a number',
    ],
    [
      { name: 'token-bucket', rate: { a: 1 } },
      'LIMITER_INVALID_OPTION',
      'rate',
      'Object is neither text nor a number',
    ],
    [
      { name: 'token-bucket', rate: undefined },
      'LIMITER_INVALID_OPTION',
      'rate',
      'neither text nor a number',
    ],
    ['linear-scan,waits=1.5', 'LIMITER_INVALID_OPTION', 'waits', '"1.5" is not a whole number'],
    ['linear-scan,waits=-1', 'LIMITER_INVALID_OPTION', 'waits', '"-1" is not a whole number'],
    [{ name: 'linear-scan', waits: 1.5 }, 'LIMITER_INVALID_OPTION', 'waits', '1.5 is not a whole number'],
  ])('%j: %s', (config, code, key, message) => {
    const error = errorOf(() => limiterFromConfig(config));
    expect(error).toMatchObject({ name: 'LimiterConfigError', code, key });
    expect(error.message).toContain(message);
    expect(error.hint).not.toBe('');
  });

  it('also where a limiter is made by a function', () => {
    const error = errorOf(() => tokenBucket({ rate: '5 parsecs' }));
    expect(error).toMatchObject({ code: 'LIMITER_INVALID_OPTION', key: 'rate' });
  });

  it('with a message that does not repeat a megabyte of input', () => {
    const long = 'x'.repeat(1e6);
    for (const text of [long, `none,${long}`, `none,${long}=1`, `token-bucket,rate=${long}`]) {
      expect(errorOf(() => parseLimiter(text)).message.length).toBeLessThan(250);
    }
  });
});

describe('each option has limits', () => {
  it.each([
    ['linear-scan,slowFaultMs', ['0', '1h'], ['3600001ms']],
    ['linear-scan,waitMs', ['0', '1min'], ['60001']],
    ['linear-scan,waits', ['0', '1000000'], ['1000001']],
    ['token-bucket,rate', ['4096', '1024TiB/s'], ['4095', '1024.5TiB/s']],
    ['token-bucket,rate=1MB/s,burst', ['1', '1024TiB'], ['0', '1024.5TiB']],
  ])('%s', (option, inside, outside) => {
    for (const value of inside) expect(() => parseLimiter(`${option}=${value}`)).not.toThrow();
    for (const value of outside) {
      expect(() => parseLimiter(`${option}=${value}`)).toThrow(/is not in \d+ … \d+/);
    }
  });
});

it('describes every limiter', () => {
  const described = describeLimiters();
  expect(described.map(({ name }) => name)).toEqual(builtinPolicies.map(({ name }) => name));
  expect(
    described.filter(({ name }) => ['none', 'linear-scan', 'token-bucket'].includes(name)),
  ).toMatchObject([
    { name: 'none', options: [] },
    {
      name: 'linear-scan',
      options: [
        { name: 'slowFaultMs', kind: 'duration', required: false, default: 5 },
        { name: 'waitMs', kind: 'duration', required: false, default: 5 },
        { name: 'waits', kind: 'count', required: false, default: 200 },
      ],
    },
    {
      name: 'token-bucket',
      options: [
        { name: 'rate', kind: 'rate', required: true },
        { name: 'burst', kind: 'bytes', required: false, default: '4MiB' },
      ],
    },
  ]);
  for (const { summary, options } of describeLimiters()) {
    expect(summary).toMatch(/^\S.{10}/);
    for (const { description } of options) expect(description).toMatch(/^\S.{10}/);
  }
  expect(described.find(({ name }) => name === 'token-bucket')?.options[0]).not.toHaveProperty('default');
});

describe('a registry', () => {
  const strictest = definePolicy({
    name: 'first-of',
    summary: 'builds its parts through the registry that built it',
    options: v.strictObject({ of: v.array(v.unknown()) }),
    create: ({ of }, factory) => factory.fromConfig(of[0]),
  });

  it('takes policies of others, which can hold limiters of their own', () => {
    const registry = createLimiterRegistry([...builtinPolicies, strictest]);
    expect(registry.fromConfig({ name: 'first-of', of: ['linear-scan', 'none'] }).name).toBe('linear-scan');
    expect(registry.describe().at(-1)).toMatchObject({ name: 'first-of', options: [{ name: 'of' }] });
    expect(() => registry.fromConfig({ name: 'first-of' })).toThrow('option of is missing');
    expect(() => parseLimiter('first-of')).toThrow('unknown limiter "first-of"');
  });

  it('refuses two of the same name', () => {
    expect(() => createLimiterRegistry([strictest, strictest])).toThrow(RangeError);
  });
});

it('any text and any value gives a limiter or a LimiterConfigError', () => {
  const names = ['none', 'linear-scan', 'token-bucket', 'linear', 'rate', 'waits', 'burst', 'name'];
  const word = fc.oneof(fc.string(), fc.constantFrom(...names, '5ms', '1MiB/s', '7', ',', '='));
  const text = fc.array(word).map((words) => words.join(''));
  const value = fc.oneof(
    fc.anything(),
    fc.dictionary(word, fc.oneof(word, fc.double())),
    fc.record(
      { name: fc.constantFrom(...names), waits: fc.anything(), rate: fc.anything() },
      { requiredKeys: ['name'] },
    ),
  );
  fc.assert(
    fc.property(fc.oneof(text, value), (config) => {
      expect(outcome(() => limiterFromConfig(config))).toMatch(/^(a limiter|refused)$/);
    }),
    { numRuns: 500 },
  );
});

function outcome(run: () => Limiter): string {
  try {
    return typeof run().name === 'string' ? 'a limiter' : 'no limiter';
  } catch (error) {
    return error instanceof LimiterConfigError ? 'refused' : String(error);
  }
}

function errorOf(run: () => unknown): LimiterConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof LimiterConfigError) return error;
    throw error;
  }
  throw new Error('expected a LimiterConfigError');
}

import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  builtinPolicies,
  definePolicy,
  LimiterConfigError,
  limiterFromConfig,
  limiterJsonSchema,
  none,
} from '../src/index.ts';

const accepts = new Ajv({ strict: true, allowUnionTypes: true }).compile(limiterJsonSchema());

it('is checked in as the sources have it; `pnpm run schema` writes it anew', () => {
  const file = new URL('../schema/limiter.schema.json', import.meta.url);
  const checkedIn: unknown = JSON.parse(readFileSync(file, 'utf8'));
  expect(checkedIn).toEqual(limiterJsonSchema());
});

const GOOD: readonly unknown[] = [
  'none',
  'linear-scan,waits=100',
  ' token-bucket , rate=1MB/s',
  { name: 'none' },
  { name: 'token-bucket', rate: '200MiB/s', burst: 4096 },
  { name: 'reserve', share: '7/8' },
  { name: 'reserve', share: 0.5 },
  { name: 'reserve', share: '87.5%' },
  { name: 'aimd', targetMs: '500us', keep: 0.9 },
  { name: 'pid', kp: 0.25, ki: '4' },
  { name: 'codel', targetMs: 5, intervalMs: '100ms', minWindow: '8 MiB' },
  { name: 'deadline', afterMs: '2min' },
  { name: 'schedule', rates: '0s:50MiB/s+30s:unlimited' },
  { name: 'schedule', rates: ['0s:50MiB/s', { afterMs: '30s', rate: 'unlimited' }] },
  { name: 'min', of: ['reserve', { name: 'token-bucket', rate: 1e6 }] },
  { name: 'min', of: '[reserve+token-bucket,rate=1MB/s]' },
];

const BAD: readonly unknown[] = [
  3,
  [],
  'nonesuch',
  'nones',
  {},
  { name: 'nonesuch' },
  { name: 'none', waits: 1 },
  { name: 'token-bucket' },
  { name: 'token-bucket', rate: '200Mb/s' },
  { name: 'token-bucket', rate: 1 },
  { name: 'linear-scan', waits: 1.5 },
  { name: 'reserve', share: 2 },
  { name: 'schedule', rates: [] },
  { name: 'schedule', rates: [{ afterMs: 0, rate: 'unlimited', burst: 1 }] },
  { name: 'min', of: [] },
  { name: 'min', of: [{ name: 'nonesuch' }] },
  { name: 'module' },
];

describe('tells apart, as the parser does', () => {
  it.each(GOOD.map((config) => ({ config })))('good: $config', ({ config }) => {
    expect([accepts(config), accepts.errors]).toEqual([true, null]);
    expect(() => limiterFromConfig(config)).not.toThrow();
  });

  it.each(BAD.map((config) => ({ config })))('bad: $config', ({ config }) => {
    expect(accepts(config)).toBe(false);
    expect(() => limiterFromConfig(config)).toThrow(LimiterConfigError);
  });

  it('takes a module that is only missing', () => {
    const config = { name: 'module', path: './patient.mjs', options: { worstMs: 5 } };
    expect([accepts(config), accepts.errors]).toEqual([true, null]);
    expect(() => limiterFromConfig(config)).toThrow(/has not been loaded/);
  });
});

it('describes policies of others, whatever schemas their options have', () => {
  const mine = definePolicy({
    name: 'mine',
    summary: 'a policy of somebody else',
    options: v.strictObject({
      mood: v.pipe(v.picklist(['calm', 'hasty']), v.description('how it is today')),
      depth: v.optional(v.pipe(v.number(), v.minValue(1)), 3),
    }),
    create: none,
  });
  const schema = limiterJsonSchema([...builtinPolicies, mine]);
  expect(schema['definitions']).toMatchObject({
    mine: {
      description: 'a policy of somebody else',
      required: ['name', 'mood'],
      properties: {
        mood: { enum: ['calm', 'hasty'], description: 'how it is today' },
        depth: { type: 'number', minimum: 1, default: 3 },
      },
    },
  });
  const validate = new Ajv({ allowUnionTypes: true }).compile(schema);
  expect(validate({ name: 'min', of: [{ name: 'mine', mood: 'calm' }] })).toBe(true);
  expect(validate({ name: 'mine', mood: 'sad' })).toBe(false);
});

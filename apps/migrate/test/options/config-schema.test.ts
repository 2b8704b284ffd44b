import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { configJsonSchema, configSchema } from '../../src/options/config-schema.ts';

const file = new URL('../../schema/migrate.schema.json', import.meta.url);

test('the schema is checked in as the sources have it; `pnpm run schema` writes it anew', () => {
  if (process.env['WRITE_SCHEMA'] !== undefined) {
    writeFileSync(file, `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
  }
  const checkedIn: unknown = JSON.parse(readFileSync(file, 'utf8'));
  expect(checkedIn).toEqual(configJsonSchema());
});

const isValid = new Ajv({ strict: true, allowUnionTypes: true }).compile(configJsonSchema());

test.for<object>([
  {},
  { $schema: './migrate.schema.json' },
  { limiter: 'token-bucket,rate=1MiB/s' },
  { limiter: { name: 'token-bucket', rate: '200MiB/s', burst: 4096 } },
  { limiter: { name: 'module', path: './mine.mjs' } },
  { preImages: {} },
  { preImages: { maxBytes: 0, overflow: 'stall', spillDirectory: '/var/tmp' } },
  { preImages: { maxBytes: '64MiB' } },
  { compress: 'zstd:3', chunk: '128KiB' },
  { chunk: 4096 },
  { keyFile: '/etc/stillframe/image.key' },
  { passphraseFile: 'passphrase' },
])('good for an editor and for us: %j', (config) => {
  expect([isValid(config), isValid.errors]).toEqual([true, null]);
  expect(v.is(configSchema, config)).toBe(true);
});

test.for<unknown>([
  5,
  { limitr: 'none' },
  { limiter: 5 },
  { limiter: {} },
  { preImages: 5 },
  { preImages: { maxByte: 1 } },
  { compress: 3 },
  { chunk: 1 },
  { preImages: { maxBytes: -1 } },
  { preImages: { maxBytes: '12 parsecs' } },
  { preImages: { overflow: 'explode' } },
  { preImages: { spillDirectory: 5 } },
])('wrong for an editor and for us: %j', (config) => {
  expect(isValid(config)).toBe(false);
  expect(v.is(configSchema, config)).toBe(false);
});

test('every key is described', () => {
  const described = { description: expect.stringMatching(/.+/) };
  expect(configJsonSchema()).toMatchObject({
    properties: {
      $schema: described,
      limiter: described,
      preImages: described,
      compress: described,
      chunk: described,
      discarded: described,
    },
  });
  const keys = [
    '$schema',
    'limiter',
    'preImages',
    'compress',
    'chunk',
    'keyFile',
    'passphraseFile',
    'discarded',
  ];
  expect(Object.keys(configSchema.entries)).toEqual(keys);
});

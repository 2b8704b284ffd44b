import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { chooseCapture } from '../../src/options/capture-options.ts';
import { readConfigFile } from '../../src/options/config-file.ts';

const MiB = 2 ** 20;
const folder = mkdtempSync(path.join(tmpdir(), 'stillframe-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
function config(text: string): string {
  count += 1;
  const file = path.join(folder, `config-${count}.yaml`);
  writeFileSync(file, text);
  return file;
}

const full = `
limiter: { name: token-bucket, rate: 200MiB/s }
preImages: { maxBytes: 64MiB, overflow: abort, spillDirectory: /var/tmp }
`;

test('YAML and JSON say the same', () => {
  const value = {
    limiter: { name: 'token-bucket', rate: '200MiB/s' },
    preImages: { maxBytes: 64 * MiB, overflow: 'abort', spillDirectory: '/var/tmp' },
  };
  expect(readConfigFile(config(full))).toEqual(value);
  expect(readConfigFile(config(JSON.stringify(value)))).toEqual(value);
});

test('an empty file says nothing', () => {
  expect(readConfigFile(config(''))).toEqual({});
});

test.for<[string, string, string]>([
  ['limitr: none', 'limitr', 'Did you mean limiter?'],
  ['preImages: { maxByte: 1 }', 'preImages.maxByte', 'Did you mean maxBytes?'],
  ['preImages: { overflw: stall }', 'preImages.overflw', 'Did you mean overflow?'],
])('%s: the key and its nearest are named', ([text, key, hint]) => {
  const file = config(text);
  expect(() => readConfigFile(file)).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      message: `${file}: there is no key ${key}`,
      hint: expect.stringContaining(hint),
    }),
  );
});

test.for<[string, string]>([
  ['preImages: { overflow: explode }', 'preImages.overflow'],
  ['preImages: { maxBytes: 12 parsecs }', 'preImages.maxBytes'],
  ['preImages: { maxBytes: -1 }', 'preImages.maxBytes'],
  ['preImages: { maxBytes: [] }', 'preImages.maxBytes'],
  ['preImages: 5', 'preImages'],
  ['limiter: 5', 'limiter'],
  ['limiter: { rate: 5 }', 'limiter'],
  ['limiter: token-buket', 'limiter'],
  ['limiter: { name: token-bucket, rte: 5 }', 'rate'],
  ['[]', 'the file'],
  ['a: b: c', 'neither YAML nor JSON'],
])('%s: the message has %s', async ([text, words]) => {
  const file = config(text);
  const mistake = await chooseCapture({ config: file }).catch((error: unknown) => error);
  expect(mistake).toMatchObject({ code: 'USAGE', message: expect.stringContaining(words) });
  expect(mistake).toMatchObject({ message: expect.stringContaining(file) });
});

test('a mistake in the limiter of the file is told also when a flag goes before it', async () => {
  const flags = { config: config('limiter: token-buket'), limiter: 'none' };
  await expect(chooseCapture(flags)).rejects.toMatchObject({ code: 'USAGE' });
});

test('the key that editors find the schema by says nothing', () => {
  expect(readConfigFile(config('$schema: ./migrate.schema.json'))).toEqual({});
});

test('a file that cannot be read', () => {
  expect(() => readConfigFile(folder)).toThrow(expect.objectContaining({ code: 'FILE' }));
});

test('the largest config file, and one above', () => {
  const largest = `#${' '.repeat(MiB - 1)}`;
  expect(readConfigFile(config(largest))).toEqual({});
  expect(() => readConfigFile(config(`${largest} `))).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

test('without flags and file there are defaults', async () => {
  const choice = await chooseCapture({});
  expect(choice).toMatchObject({ capture: { preImagesMaxBytes: 256 * MiB, overflow: 'spill' } });
  expect(choice.limiter.name).toBe('none');
  expect(choice).not.toHaveProperty('spillDirectory');
});

test('the file goes before defaults', async () => {
  const choice = await chooseCapture({ config: config(full) });
  expect(choice).toMatchObject({
    capture: { preImagesMaxBytes: 64 * MiB, overflow: 'abort' },
    spillDirectory: '/var/tmp',
  });
  expect(choice.limiter.name).toBe('token-bucket');
});

test('flags go before the file', async () => {
  const choice = await chooseCapture({
    config: config(full),
    limiter: 'linear-scan',
    preImagesMax: '8MiB',
    overflow: 'stall',
    spillDirectory: '/tmp',
  });
  expect(choice).toMatchObject({
    capture: { preImagesMaxBytes: 8 * MiB, overflow: 'stall' },
    spillDirectory: '/tmp',
  });
  expect(choice.limiter.name).toBe('linear-scan');
});

test('no pre-images at all need writers that may wait', async () => {
  const { capture } = await chooseCapture({ preImagesMax: '0', overflow: 'stall' });
  expect(capture.preImagesMaxBytes).toBe(0);
  for (const overflow of [undefined, 'spill', 'abort'] as const) {
    const flags = { preImagesMax: '0', ...(overflow === undefined ? {} : { overflow }) };
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await expect(chooseCapture(flags)).rejects.toMatchObject({ code: 'USAGE' });
  }
});

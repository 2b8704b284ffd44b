import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { chooseKey, type KeyFlags } from '../../src/options/key-options.ts';
import { makeFolder } from '../e2e/folder.ts';

const { signal } = new AbortController();

/** A person who types these lines; what was asked is kept. */
function person(...lines: string[]) {
  const asked: string[] = [];
  const ask = async (prompt: string) => {
    asked.push(prompt);
    const line = lines.shift();
    if (line === undefined) throw new Error(`${prompt}: nobody answers`);
    return line;
  };
  return { ask, asked };
}

async function secretFile(content: string | Uint8Array): Promise<string> {
  const file = path.join(await makeFolder(), 'secret');
  await writeFile(file, content, { mode: 0o600 });
  return file;
}

test('a passphrase is asked for once to read, and twice to write', async () => {
  const reader = person('correct horse');
  expect((await chooseKey({ passphrase: true }, { signal, ask: reader.ask }))?.scrypt).toBeDefined();
  expect(reader.asked).toEqual(['Passphrase: ']);
  const writer = person('correct horse', 'correct horse');
  expect(
    (await chooseKey({ passphrase: true }, { signal, ask: writer.ask, isNew: true }))?.scrypt,
  ).toBeDefined();
  expect(writer.asked).toEqual(['Passphrase: ', 'The same passphrase again: ']);
});

test('two that are not the same, and none at all', async () => {
  const hasty = person('correct horse', 'correct hose');
  await expect(
    chooseKey({ passphrase: true }, { signal, ask: hasty.ask, isNew: true }),
  ).rejects.toMatchObject({
    code: 'USAGE',
    hint: expect.stringContaining('Nothing was written'),
  });
  const silent = person('');
  await expect(
    chooseKey({ passphrase: true }, { signal, ask: silent.ask, isNew: true }),
  ).rejects.toMatchObject({
    code: 'REFUSED',
  });
});

test.for<KeyFlags>([
  { keyFile: 'a', passphraseFile: 'b' },
  { keyFile: 'a', passphrase: true },
  { passphraseFile: 'b', passphrase: true },
])('two flags: %j', async (flags) => {
  await expect(chooseKey(flags, { signal })).rejects.toMatchObject({ code: 'USAGE' });
});

test('flags go before the config file, of which one key may be given', async () => {
  const keyFile = await secretFile(Buffer.alloc(32, 'key'));
  const passphraseFile = await secretFile('correct horse\nand more');
  expect((await chooseKey({}, { signal, file: { keyFile } }))?.scrypt).toBe(undefined);
  expect((await chooseKey({}, { signal, file: { passphraseFile } }))?.scrypt).toBeDefined();
  expect((await chooseKey({ passphraseFile }, { signal, file: { keyFile } }))?.scrypt).toBeDefined();
  expect(await chooseKey({}, { signal, file: {} })).toBe(undefined);
  await expect(chooseKey({}, { signal, file: { keyFile, passphraseFile } })).rejects.toMatchObject({
    code: 'USAGE',
  });
});

import { randomBytes } from 'node:crypto';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { KEY_BYTES_MAX, KEY_BYTES_MIN, readKeyFile, writeKeyFile } from '../../src/io/psk-file.ts';
import { CREDENTIAL_FILE_MAX_BYTES, readCredentialFile, readSecretFile } from '../../src/io/secret-file.ts';
import { PSK_BYTES } from '../../src/io/tls-credentials.ts';
import { makeFolder } from '../e2e/folder.ts';
import { runCommand } from '../read-side/run-command.ts';

async function fileOf(content: string | Uint8Array, mode = 0o600): Promise<string> {
  const file = path.join(await makeFolder(), 'file');
  await writeFile(file, content);
  await chmod(file, mode);
  return file;
}

const refused = (words: string) =>
  expect.objectContaining({
    code: 'REFUSED',
    message: expect.stringContaining(words),
    hint: expect.stringMatching(/.{10}/),
  });
const unreadable = (words: string) =>
  expect.objectContaining({ code: 'FILE', message: expect.stringContaining(words) });

describe('a secret', () => {
  test.for([0o600, 0o400])('of mode %o is read', async (mode) => {
    expect(await readSecretFile(await fileOf('secret', mode), '--x')).toEqual(Buffer.from('secret'));
  });

  test.for([0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o777])(
    'of mode %o is refused',
    async (mode) => {
      const file = await fileOf('secret', mode);
      await expect(readSecretFile(file, '--x')).rejects.toEqual(
        refused(`--x: others can read or change ${file} (mode ${mode.toString(8)})`),
      );
      // What is no secret may be read by all.
      expect(await readCredentialFile(file, '--x')).toEqual(Buffer.from('secret'));
    },
  );
});

test('a file may be as large as the limit', async () => {
  const [under, at, over] = [-1, 0, 1].map((more) => Buffer.alloc(CREDENTIAL_FILE_MAX_BYTES + more));
  expect((await readCredentialFile(await fileOf(under!), '--x')).byteLength).toBe(
    CREDENTIAL_FILE_MAX_BYTES - 1,
  );
  expect((await readCredentialFile(await fileOf(at!), '--x')).byteLength).toBe(CREDENTIAL_FILE_MAX_BYTES);
  await expect(readCredentialFile(await fileOf(over!), '--x')).rejects.toEqual(unreadable('larger'));
});

test('a folder, a pipe and nothing are no files', async () => {
  const folder = await makeFolder();
  await expect(readCredentialFile(folder, '--x')).rejects.toEqual(unreadable('no regular file'));
  await expect(readCredentialFile('/dev/null', '--x')).rejects.toEqual(unreadable('no regular file'));
  await expect(readCredentialFile(path.join(folder, 'none'), '--x')).rejects.toEqual(
    unreadable('cannot be read'),
  );
});

describe('a key', () => {
  test('is the same whether its bytes are written as digits or not', async () => {
    const bytes = randomBytes(KEY_BYTES_MIN);
    const keys = await Promise.all(
      [bytes, bytes.toString('hex'), `${bytes.toString('hex').toUpperCase()}\n`].map(async (content) =>
        readKeyFile(await fileOf(content), '--psk-file'),
      ),
    );
    expect(keys[0]!.byteLength).toBe(PSK_BYTES);
    expect(keys[1]).toEqual(keys[0]);
    expect(keys[2]).toEqual(keys[0]);
    expect(keys[0]!.equals(bytes)).toBe(false);
    expect(keys[0]).not.toEqual(await readKeyFile(await fileOf(randomBytes(KEY_BYTES_MIN)), '--psk-file'));
  });

  test.for([
    ['one byte too few', randomBytes(KEY_BYTES_MIN - 1), `${KEY_BYTES_MIN - 1} bytes`],
    ['digits of too few bytes', randomBytes(KEY_BYTES_MIN - 1).toString('hex'), `${KEY_BYTES_MIN - 1} bytes`],
    ['nothing', '', '0 bytes'],
    ['too many bytes', randomBytes(KEY_BYTES_MAX + 1), 'more than'],
    ['a pass phrase', 'correct horse battery staple, correct horse battery staple\n', 'text'],
    ['base64', randomBytes(48).toString('base64'), 'text'],
    ['digits with a space', `${randomBytes(32).toString('hex')} `, 'text'],
    ['zeros', Buffer.alloc(64), 'hardly any'],
  ] as const)('%s is none', async ([, content, words]) => {
    await expect(readKeyFile(await fileOf(content), '--psk-file')).rejects.toEqual(refused(words));
  });

  test.for([KEY_BYTES_MIN, KEY_BYTES_MIN + 1, KEY_BYTES_MAX - 1, KEY_BYTES_MAX])(
    'of %i bytes is one',
    async (sizeBytes) => {
      const file = await fileOf(randomBytes(sizeBytes));
      expect((await readKeyFile(file, '--psk-file')).byteLength).toBe(PSK_BYTES);
    },
  );

  test('is made for its owner only, and replaces none', async () => {
    const file = path.join(await makeFolder(), 'migrate.key');
    expect(await runCommand(['psk', '--out', file, '--json'])).toMatchObject({ exitCode: 0 });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const key = await readKeyFile(file, '--psk-file');
    const content = await readFile(file);
    await expect(writeKeyFile(file)).rejects.toEqual(refused('exists'));
    expect(await readFile(file)).toEqual(content);
    const other = path.join(await makeFolder(), 'migrate.key');
    await writeKeyFile(other);
    expect(await readKeyFile(other, '--psk-file')).not.toEqual(key);
  });

  test('is not shown', async () => {
    const file = path.join(await makeFolder(), 'migrate.key');
    const { stdout, stderr } = await runCommand(['psk', '--out', file, '--json']);
    expect(stdout + stderr).not.toContain((await readFile(file, 'utf8')).trim());
    expect(await runCommand(['psk'])).toMatchObject({ exitCode: 2 });
    expect(await runCommand(['psk', '--out', `${file}/x`])).toMatchObject({ exitCode: 16 });
  });
});

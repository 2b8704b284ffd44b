import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { encodeChunked, someMemory } from '../read-side/chain-files.ts';
import { fileOf, inFolder } from '../read-side/image-files.ts';
import { runCommand } from '../read-side/run-command.ts';

/** What `openSealed` has in front of the segments, and the size of one as it is stored. */
const HEADER_BYTES = 144;
const STORED_BYTES = 65_536 + 16;

async function newKey(folder: string, name = 'key'): Promise<string> {
  const file = path.join(folder, name);
  expect((await runCommand(['key', '--out', file])).exitCode).toBe(0);
  return file;
}

const WORKLOAD = ['--workload', 'counter,size=16MiB,writers=1,rate=2000'];

test('an image that is sealed with a key file: written, read back, shown, restored', () =>
  inFolder(async (folder) => {
    const key = await newKey(folder);
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    const image = path.join(folder, 'image');
    const taken = await runCommand([
      'snapshot',
      '--out',
      image,
      ...WORKLOAD,
      '--key-file',
      key,
      '--verify',
      '--json',
    ]);
    expect(taken.lines().at(-1)).toMatchObject({ outcome: 'done', verified: true });
    expect((await readFile(image)).includes('heap')).toBe(false);
    const shown = await runCommand(['inspect', image, '--key-file', key, '--json']);
    expect(shown.lines().at(-1)).toMatchObject({ outcome: 'done', digest: taken.lines().at(-1)!['digest'] });
    const verified = await runCommand(['verify', image, '--key-file', key, '--json']);
    expect(verified.lines().at(-1)).toMatchObject({ outcome: 'done', verified: true });
    const restored = await runCommand(['restore', image, '--into', 'memory', '--key-file', key, '--json']);
    expect(restored.exitCode).toBe(0);
  }));

test('a key that is missing, wrong, of the other kind, or for an image that is not sealed: 15', () =>
  inFolder(async (folder) => {
    const key = await newKey(folder);
    const other = await newKey(folder, 'other');
    const passphrase = path.join(folder, 'passphrase');
    await writeFile(passphrase, 'correct horse\n', { mode: 0o600 });
    const plain = await fileOf(folder, 'plain', await encodeChunked(someMemory()));
    const sealed = path.join(folder, 'sealed');
    expect((await runCommand(['snapshot', '--out', sealed, ...WORKLOAD, '--key-file', key])).exitCode).toBe(
      0,
    );
    const cases = [
      [sealed, [], 'is sealed'],
      [sealed, ['--key-file', other], 'SEALED_KEY'],
      [sealed, ['--passphrase-file', passphrase], 'SEALED_KEY_KIND'],
      [plain, ['--key-file', key], 'is not sealed'],
    ] as const;
    for (const [image, flags, words] of cases) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const run = await runCommand(['inspect', image, ...flags]);
      expect(run).toMatchObject({ exitCode: 15 });
      expect(run.stderr).toContain(words);
    }
    const both = await runCommand(['inspect', sealed, '--key-file', key, '--passphrase-file', passphrase]);
    expect(both.exitCode).toBe(2);
    await writeFile(path.join(folder, 'open'), 'x'.repeat(40), { mode: 0o644 });
    expect((await runCommand(['inspect', sealed, '--key-file', path.join(folder, 'open')])).exitCode).toBe(
      15,
    );
  }));

test('a passphrase: flattened and compared', () =>
  inFolder(async (folder) => {
    const passphrase = path.join(folder, 'passphrase');
    await writeFile(passphrase, 'correct horse\n', { mode: 0o600 });
    const flag = ['--passphrase-file', passphrase];
    const image = path.join(folder, 'image');
    const flat = path.join(folder, 'flat');
    expect((await runCommand(['snapshot', '--out', image, ...WORKLOAD, ...flag])).exitCode).toBe(0);
    expect((await runCommand(['flatten', image, '--out', flat, ...flag])).exitCode).toBe(0);
    expect((await runCommand(['diff', image, flat, ...flag])).exitCode).toBe(0);
    expect((await runCommand(['diff', image, flat])).exitCode).toBe(15);
  }));

test('flattened with another key, with none, and sealed for the first time', () =>
  inFolder(async (folder) => {
    const [key, other] = [await newKey(folder), await newKey(folder, 'other')];
    const passphrase = path.join(folder, 'passphrase');
    await writeFile(passphrase, 'correct horse\n', { mode: 0o600 });
    const plain = await fileOf(folder, 'plain', await encodeChunked(someMemory()));
    const [sealed, again, bare] = ['sealed', 'again', 'bare'].map((name) => path.join(folder, name));
    const steps = [
      [plain, '--out', sealed!, '--out-passphrase-file', passphrase],
      [sealed!, '--out', again!, '--passphrase-file', passphrase, '--out-key-file', other],
      [again!, '--out', bare!, '--key-file', other, '--out-plain'],
    ];
    for (const step of steps) {
      // oxlint-disable-next-line no-await-in-loop -- one is made of the other
      expect(await runCommand(['flatten', ...step])).toMatchObject({ exitCode: 0 });
    }
    expect((await runCommand(['inspect', sealed!])).exitCode).toBe(15);
    expect((await runCommand(['inspect', again!, '--key-file', key])).exitCode).toBe(15);
    expect((await runCommand(['diff', plain, bare!])).exitCode).toBe(0);
    const two = [
      'flatten',
      again!,
      '--key-file',
      other,
      '--out',
      bare!,
      '--out-plain',
      '--out-key-file',
      key,
    ];
    expect(await runCommand(two)).toMatchObject({ exitCode: 2 });
  }));

test('a series: increments are found and opened with the same key', () =>
  inFolder(async (folder) => {
    const flag = ['--key-file', await newKey(folder)];
    const image = path.join(folder, 'image');
    const series = ['--every', '50ms', '--count', '2', '--verify', '--json'];
    const taken = await runCommand(['snapshot', '--out', image, ...WORKLOAD, ...series, ...flag]);
    expect(taken.lines().at(-1)).toMatchObject({ outcome: 'done', images: [{}, { isIncrement: true }] });
    const verified = await runCommand(['verify', `${image}.1`, ...flag, '--json']);
    expect(verified.lines().at(-1)).toMatchObject({ outcome: 'done', verified: true });
  }));

test('a damaged segment costs the pages that are in it, and no others', () =>
  inFolder(async (folder) => {
    const key = await newKey(folder);
    const image = path.join(folder, 'image');
    const rest = path.join(folder, 'rest');
    const flag = ['--key-file', key];
    expect((await runCommand(['snapshot', '--out', image, ...WORKLOAD, ...flag])).exitCode).toBe(0);
    const bytes = await readFile(image);
    bytes[HEADER_BYTES + 20 * STORED_BYTES + 5]! ^= 1;
    await writeFile(image, bytes);
    const verified = await runCommand(['verify', image, ...flag]);
    expect(verified.exitCode).toBe(13);
    expect(verified.stderr).toContain('segment 20');
    const saved = await runCommand(['salvage', image, '--out', rest, ...flag, '--json']);
    expect(saved.exitCode).toBe(13);
    const { lostPages, pages } = saved.lines().at(-1)!;
    expect(Number(lostPages)).toBeGreaterThan(0);
    expect(Number(lostPages)).toBeLessThan(Number(pages) / 4);
    expect((await runCommand(['inspect', rest, ...flag])).exitCode).toBe(0);
  }));

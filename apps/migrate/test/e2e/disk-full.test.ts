import { readdir, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { Child, mainFile, startSource } from './child.ts';
import { makeFolder } from './folder.ts';
import { needMounts, onDisk, onSmallDisk } from './small-disk.ts';
import { expectGuestGoesOn } from './survive.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const LARGE = 'counter,size=16MiB';

test.for([
  ['dest', '--listen', '127.0.0.1:0', '--into', 'file:image.sfp'],
  ['snapshot', '--workload', 'counter,size=2MiB', '--out', 'image.sfp'],
])('a disk that cannot be written to is found before anything starts: %j', async (args, context) => {
  needMounts(context);
  const folder = await makeFolder();
  const paths = args.map((arg) => arg.replace('image.sfp', `${folder}/image.sfp`));
  const exit = await onDisk('1m,ro', folder, ...paths).exit;
  expect(exit).toMatchObject({ code: 16, stderr: expect.stringContaining('hint: Name a place') });
  expect(exit.lines.map(({ type }) => type)).toEqual(['error', 'summary']);
});

test('the disk of the destination is full', async (context) => {
  needUserfaultfd(context);
  needMounts(context);
  const folder = await makeFolder();
  const dest = onSmallDisk(folder, 'dest', '--listen', '127.0.0.1:0', '--into', `file:${folder}/image.sfp`);
  const to = `127.0.0.1:${String((await dest.line('listening'))['port'])}`;
  const source = await startSource(to, LARGE).exit;
  expect([11, 15]).toContain(source.code);
  expectGuestGoesOn(source);
  expect(await dest.line('summary')).toMatchObject({ exitCode: 16, verified: false });
  // Its view of the folder: the disk is empty again, and takes an image that fits.
  const names = () => readdir(`/proc/${dest.pid}/root${folder}`);
  expect(await names()).toEqual([]);
  expect(await startSource(to, 'counter,size=2MiB').exit).toMatchObject({
    code: 0,
    summary: { verified: true },
  });
  expect(await names()).toEqual(['image.sfp']);
});

test('the disk of the destination is full, with --once', async (context) => {
  needUserfaultfd(context);
  needMounts(context);
  const folder = await makeFolder();
  const into = ['--into', `file:${folder}/image.sfp`, '--once'];
  const dest = onSmallDisk(folder, 'dest', '--listen', '127.0.0.1:0', ...into);
  await startSource(`127.0.0.1:${String((await dest.line('listening'))['port'])}`, LARGE).exit;
  expect(await dest.exit).toMatchObject(FULL);
});

test('the disk of a destination that seals is full', async (context) => {
  needUserfaultfd(context);
  needMounts(context);
  const folder = await makeFolder();
  const into = ['--into', `file:${folder}/image.sfp`, '--once', '--key-file', await newKey()];
  const dest = onSmallDisk(folder, 'dest', '--listen', '127.0.0.1:0', ...into);
  await startSource(`127.0.0.1:${String((await dest.line('listening'))['port'])}`, LARGE).exit;
  expect(await dest.exit).toMatchObject(FULL);
});

test.for([
  { how: 'as it is', flags: async () => [] },
  { how: 'compressed', flags: async () => ['--compress', 'lz4'] },
  { how: 'sealed', flags: async () => ['--key-file', await newKey()] },
])('the disk of a snapshot is full: $how', async ({ flags }, context) => {
  needUserfaultfd(context);
  needMounts(context);
  const folder = await makeFolder();
  const out = ['--out', `${folder}/image.sfp`, ...(await flags())];
  const snapshot = await onDisk('256k', folder, 'snapshot', ...out, '--workload', 'counter,size=64MiB').exit;
  expect(snapshot).toMatchObject(FULL);
  expect(snapshot.stderr).toContain('and up to 64.0 MiB');
  expectGuestGoesOn(snapshot);
});

test.for(['flatten', 'restore', 'salvage'])('the disk of %s is full', async (command, context) => {
  needUserfaultfd(context);
  needMounts(context);
  const [folder, image] = [await makeFolder(), `${await makeFolder()}/image.sfp`];
  expect(
    await new Child(process.execPath, [mainFile, 'snapshot', '--out', image, '--workload', LARGE, '--json'])
      .exit,
  ).toMatchObject({ code: 0 });
  const out = command === 'restore' ? ['--into', `file:${folder}/restored`] : ['--out', `${folder}/out.sfp`];
  const run = onSmallDisk(folder, command, image, ...out);
  expect(await run.exit).toMatchObject(FULL);
});

/** Of a command that needs more room than there is. */
const FULL = {
  code: 16,
  summary: { outcome: 'local-io', verified: false },
  stderr: expect.stringMatching(/ENOSPC(.|\n)*There was room for \d/),
};

async function newKey(): Promise<string> {
  const file = `${await makeFolder()}/key`;
  await writeFile(file, Buffer.alloc(32, 'key'), { mode: 0o600 });
  return file;
}

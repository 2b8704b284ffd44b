import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { startSource } from './child.ts';
import { makeFolder } from './folder.ts';
import { needMounts, onSmallDisk } from './small-disk.ts';
import { expectGuestGoesOn } from './survive.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const LARGE = 'counter,size=16MiB';

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
  expect(await dest.exit).toMatchObject({ code: 16, summary: { outcome: 'local-io', verified: false } });
});

test('the disk of a snapshot is full', async (context) => {
  needUserfaultfd(context);
  needMounts(context);
  const folder = await makeFolder();
  const snapshot = await onSmallDisk(folder, 'snapshot', '--out', `${folder}/image.sfp`, '--workload', LARGE)
    .exit;
  expect(snapshot).toMatchObject({ code: 16, summary: { outcome: 'local-io', verified: false } });
  expectGuestGoesOn(snapshot);
});

import { lstat, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { AtomicFile } from '../../src/io/atomic-file.ts';
import { imagePlace } from '../e2e/folder.ts';
import { DiskFailure, type FileStep, tryOps } from './failing-ops.ts';

const OLD = 'the image of yesterday';
const bytes = (...values: number[]) => Uint8Array.from(values);

test('nothing is under the final name before commit, everything after it', async () => {
  const { image, names } = await imagePlace();
  const file = await AtomicFile.create(image);
  await file.append([bytes(1, 2), bytes(), bytes(3)]);
  expect(await names()).toEqual([expect.stringMatching(/^\.image\.sfp\.[0-9a-f]{12}\.partial$/)]);
  await file.append([bytes(4)]);
  await file.commit();
  expect(await names()).toEqual(['image.sfp']);
  expect([...(await readFile(image))]).toEqual([1, 2, 3, 4]);
  expect((await stat(image)).mode & 0o777).toBe(0o600);
});

test('the bytes are durable before the name is, and the name before commit resolves', async () => {
  const { image } = await imagePlace();
  const { ops, calls, openCount } = tryOps();
  const file = await AtomicFile.create(image, { ops });
  await file.append([bytes(1)]);
  await file.commit();
  expect(calls).toEqual(['open', 'writev', 'sync', 'openDirectory', 'link', 'rename', 'syncDirectory']);
  expect(openCount()).toBe(0);
});

test('an old file stays as it is until commit', async () => {
  const { image } = await imagePlace();
  await writeFile(image, OLD);
  const file = await AtomicFile.create(image);
  await file.append([bytes(1)]);
  expect(await readFile(image, 'utf8')).toBe(OLD);
  await file.commit();
  expect([...(await readFile(image))]).toEqual([1]);
});

test('discard takes away what was written, twice is once, and the old file stays', async () => {
  const { image, names } = await imagePlace();
  await writeFile(image, OLD);
  const { ops, openCount } = tryOps();
  const file = await AtomicFile.create(image, { ops });
  await file.append([bytes(1)]);
  await file.discard();
  await file.discard();
  expect(await names()).toEqual(['image.sfp']);
  expect(await readFile(image, 'utf8')).toBe(OLD);
  expect(openCount()).toBe(0);
});

test('discard after commit does nothing', async () => {
  const { image } = await imagePlace();
  const file = await AtomicFile.create(image);
  await file.commit();
  await file.discard();
  expect((await stat(image)).size).toBe(0);
});

test.for([1, 2, 3, 7, 8, 9])('writes that take %i bytes at a time are gone on with', async (shortBytes) => {
  const { image } = await imagePlace();
  const { ops } = tryOps({ shortBytes });
  const file = await AtomicFile.create(image, { ops });
  await file.append([bytes(1, 2, 3), bytes(), bytes(4), bytes(5, 6, 7, 8)]);
  await file.commit();
  expect([...(await readFile(image))]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test('a file system that takes nothing is not asked for ever', async () => {
  const { image } = await imagePlace();
  const file = await AtomicFile.create(image, tryOps({ shortBytes: 0 }));
  await expect(file.append([bytes(1)])).rejects.toMatchObject({
    code: 'FILE',
    cause: { message: expect.stringContaining('took nothing') },
  });
  await file.discard();
});

test('through a link the file that it names is replaced', async () => {
  const { image, names } = await imagePlace();
  const link = `${image}.link`;
  await writeFile(image, OLD);
  await symlink('image.sfp', link);
  const file = await AtomicFile.create(link);
  await file.append([bytes(1)]);
  await file.commit();
  expect(await names()).toEqual(['image.sfp', 'image.sfp.link']);
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect([...(await readFile(image))]).toEqual([1]);
});

test('what is no plain file is not replaced', async () => {
  const { image, names } = await imagePlace();
  await mkdir(image);
  await symlink('/dev/null', `${image}.null`);
  for (const [name, words] of [
    [image, `${image} is not a plain file`],
    [`${image}.null`, `${image}.null is not a plain file`],
    ['/dev/null', '/dev/null is not a plain file'],
    [`${image}/none/image.sfp`, `${image}/none is not a directory`],
    ['/dev/null/image.sfp', '/dev/null is not a directory'],
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await expect(AtomicFile.create(name!)).rejects.toMatchObject({ code: 'FILE', message: words });
  }
  expect(await names()).toEqual(['image.sfp', 'image.sfp.null']);
});

test.for([1023, 1024, 1025, 5000])('%i buffers, of which one system call takes 1024', async (count) => {
  const { image } = await imagePlace();
  const file = await AtomicFile.create(image, tryOps());
  await file.append(Array.from({ length: count }, (_, index) => bytes(index & 0xff)));
  await file.commit();
  expect([...(await readFile(image))]).toEqual(Array.from({ length: count }, (_, index) => index & 0xff));
});

const steps: readonly FileStep[] = ['open', 'writev', 'sync', 'openDirectory', 'rename', 'syncDirectory'];

test.for(steps)('%s fails: the old file stays, nothing else does', async (fails) => {
  const { image, names } = await imagePlace();
  await writeFile(image, OLD);
  const { ops, openCount } = tryOps({ fails });
  let file: AtomicFile | undefined;
  const run = async () => {
    file = await AtomicFile.create(image, { ops });
    await file.append([bytes(1)]);
    await file.commit();
  };
  await expect(run()).rejects.toMatchObject({ code: 'FILE', cause: new DiskFailure(fails) });
  await file?.discard();
  expect(await names()).toEqual(['image.sfp']);
  expect(await readFile(image, 'utf8')).toBe(OLD);
  expect(openCount()).toBe(0);
});

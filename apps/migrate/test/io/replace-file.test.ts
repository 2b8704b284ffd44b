import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { AtomicFile } from '../../src/io/atomic-file.ts';
import type { FileOps } from '../../src/io/file-ops.ts';
import { exitCodeOf } from '../../src/exit-code.ts';
import { imagePlace } from '../e2e/folder.ts';
import { type FileStep, tryOps } from './failing-ops.ts';

const refusing = (code: string) => async () => {
  throw Object.assign(new Error(`${code}: injected`), { code });
};

/** A new image over an old one; gives what commit rejected with. */
async function replace(image: string, ops: FileOps): Promise<unknown> {
  await writeFile(image, 'old');
  const file = await AtomicFile.create(image, { ops });
  await file.append([Buffer.from('new')]);
  try {
    return await file.commit();
  } catch (error) {
    await file.discard();
    return error;
  }
}

test.for(['EPERM', 'EOPNOTSUPP', 'EMLINK'])(
  'a file system without links (%s) is good enough',
  async (code) => {
    const { image, names } = await imagePlace();
    expect(await replace(image, { ...tryOps().ops, link: refusing(code) })).toBe(undefined);
    expect(await readFile(image, 'utf8')).toBe('new');
    expect(await names()).toEqual(['image.sfp']);
  },
);

test('another failure of link is one of the disk: the old file stays', async () => {
  const { image, names } = await imagePlace();
  expect(await replace(image, { ...tryOps().ops, link: refusing('EIO') })).toMatchObject({ code: 'FILE' });
  expect(await readFile(image, 'utf8')).toBe('old');
  expect(await names()).toEqual(['image.sfp']);
});

const WHOLE = 'is new and whole, but may not survive a power failure';
const fails: FileStep = 'syncDirectory';

test('without links, a directory that cannot be written leaves the new file, whole, and says so', async () => {
  const { image, names } = await imagePlace();
  const error = await replace(image, { ...tryOps({ fails }).ops, link: refusing('EPERM') });
  expect(error).toMatchObject({ code: 'FILE', message: `${image} ${WHOLE}` });
  expect(exitCodeOf(error)).toBe(16);
  expect(await readFile(image, 'utf8')).toBe('new');
  expect(await names()).toEqual(['image.sfp']);
});

test('a disk that does not let it go back either: the new file, whole, and the old one beside it', async () => {
  const { image, names } = await imagePlace();
  const { ops } = tryOps({ fails });
  let renames = 0;
  const rename: FileOps['rename'] = async (from, to) => {
    renames += 1;
    await (renames === 1 ? ops.rename(from, to) : refusing('EIO')());
  };
  const error = await replace(image, { ...ops, rename });
  expect(error).toMatchObject({ code: 'FILE', message: `${image} ${WHOLE}` });
  expect(await readFile(image, 'utf8')).toBe('new');
  expect(await names()).toEqual([expect.stringMatching(/\.partial\.before$/), 'image.sfp']);
});

import { writeFile } from 'node:fs/promises';
import { openImage, type StoredImage } from '@stillframe/page-stream';
import { expect, test } from 'vitest';
import { imageOpener } from '../../src/io/image-file.ts';
import { leftoversOf, tellLeftovers } from '../../src/series/leftovers.ts';
import { imagePlace } from '../e2e/folder.ts';
import { encodeChunked, someMemory } from '../read-side/chain-files.ts';
import { keepingContext } from '../read-side/run-command.ts';

/** PATH, PATH.1 … PATH.3, each on the one before. */
async function earlierSeries(): Promise<string> {
  const { image } = await imagePlace();
  let parent: StoredImage | undefined;
  for (let number = 0; number <= 3; number++) {
    // oxlint-disable-next-line no-await-in-loop -- each builds on the one before
    const bytes = await encodeChunked(someMemory(), {
      id: number + 1,
      ...(parent === undefined ? {} : { parent }),
    });
    // oxlint-disable-next-line no-await-in-loop -- as above
    await writeFile(number === 0 ? image : `${image}.${number}`, bytes);
    parent = openImage((at, length) => bytes.subarray(at, at + length), {
      sizeBytes: bytes.length,
      ...(parent === undefined ? {} : { parent }),
    });
  }
  return image;
}

test('what a shorter series, or one image, leaves of an earlier one is named', async () => {
  const image = await earlierSeries();
  const left = (count: number) => leftoversOf(image, count, imageOpener());
  expect(await left(1)).toEqual([1, 2, 3].map((number) => `${image}.${number}`));
  expect(await left(3)).toEqual([`${image}.3`]);
  expect(await left(4)).toEqual([]);
  expect(await leftoversOf(`${image}.new`, 2, imageOpener())).toEqual([]);
});

test('what builds on something else, or is no image, is nobody’s business', async () => {
  const image = await earlierSeries();
  await writeFile(`${image}.2`, 'notes');
  expect(await leftoversOf(image, 2, imageOpener())).toEqual([]);
  await writeFile(`${image}.1`, await encodeChunked(someMemory(), { id: 9 }));
  expect(await leftoversOf(image, 1, imageOpener())).toEqual([]);
});

test('it is told once, with what to do, and not when there is nothing', () => {
  const { context, written } = keepingContext();
  tellLeftovers([], context.report(true));
  expect(written).toMatchObject({ stdout: '', stderr: '' });
  tellLeftovers(['a.1', 'a.2'], context.report(true));
  expect(JSON.parse(written.stdout)).toMatchObject({ code: 'SERIES_LEFTOVERS', paths: ['a.1', 'a.2'] });
  expect(written.stderr).toContain('hint');
});

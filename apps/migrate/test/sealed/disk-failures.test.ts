import { readFile, writeFile } from 'node:fs/promises';
import { SealKey } from '@stillframe/sealed-file';
import { expect, test } from 'vitest';
import { openFileSink } from '../../src/io/file-sink.ts';
import { openImageFile } from '../../src/io/image-file.ts';
import { imagePlace } from '../e2e/folder.ts';
import { DiskFailure, type FileStep, tryOps } from '../io/failing-ops.ts';

const key = SealKey.fromKeyFile(Uint8Array.from({ length: 32 }, (_, index) => index * 5));
const CONTENT = Buffer.alloc(200_000, 'memory');

const BEFORE_THE_RENAME: readonly FileStep[] = ['open', 'writev', 'sync', 'rename'];

test.each(BEFORE_THE_RENAME)(
  'when %s fails, the image before is untouched and nothing else is left',
  async (fails) => {
    const { image, names } = await imagePlace();
    await writeFile(image, 'old');
    const { ops, openCount } = tryOps({ fails });
    const write = async () => {
      const sink = await openFileSink(image, { ops, key });
      try {
        await sink.write([CONTENT]);
        await sink.end();
      } catch (error) {
        await sink.abort(error);
        throw error;
      }
    };
    await expect(write()).rejects.toMatchObject({ code: 'FILE', cause: new DiskFailure(fails) });
    expect(await names()).toEqual(['image.sfp']);
    expect(await readFile(image, 'utf8')).toBe('old');
    expect(openCount()).toBe(0);
  },
);

test('short writes are gone on with, and the check reads a sealed file that is complete', async () => {
  const { image } = await imagePlace();
  const { ops } = tryOps({ shortBytes: 1009 });
  const read = async (path: string) => {
    await using source = await openImageFile(path, { key });
    return Buffer.from(source.readAt(0, source.sizeBytes)).equals(CONTENT);
  };
  let wasComplete = false;
  const check = async (path: string) => {
    wasComplete = await read(path);
  };
  const sink = await openFileSink(image, { ops, key, check });
  await sink.write([CONTENT.subarray(0, 70_000), CONTENT.subarray(70_000)]);
  await sink.end();
  expect(wasComplete).toBe(true);
  expect(await read(image)).toBe(true);
});

import { readFile, writeFile } from 'node:fs/promises';
import { sinkCompliance } from '@stillframe/snapshot/compliance';
import { expect, test } from 'vitest';
import { openFileSink } from '../../src/io/file-sink.ts';
import { imagePlace } from '../e2e/folder.ts';
import { DiskFailure, type FileStep, tryOps } from './failing-ops.ts';

const cases = sinkCompliance({
  makeSink: async () => {
    const { image } = await imagePlace();
    return {
      sink: await openFileSink(image),
      image: () => readFile(image).catch(() => undefined),
      [Symbol.asyncDispose]: async () => {},
    };
  },
});

test.for(cases)('$name', async ({ run }) => {
  await expect(run()).resolves.toBeUndefined();
});

test.for<FileStep>(['writev', 'sync', 'rename'])(
  '%s fails: abort leaves the old file and nothing else',
  async (fails) => {
    const { image, names } = await imagePlace();
    await writeFile(image, 'old');
    const { ops, openCount } = tryOps({ fails });
    const sink = await openFileSink(image, ops);
    const run = async () => {
      await sink.write([new Uint8Array(5)]);
      await sink.end();
    };
    await expect(run()).rejects.toThrow(new DiskFailure(fails));
    await sink.abort(new Error('given up'));
    expect(await names()).toEqual(['image.sfp']);
    expect(await readFile(image, 'utf8')).toBe('old');
    expect(openCount()).toBe(0);
  },
);

test('a sink that cannot be opened', async () => {
  const { image, names } = await imagePlace();
  await expect(openFileSink(image, tryOps({ fails: 'open' }).ops)).rejects.toThrow(new DiskFailure('open'));
  await expect(openFileSink(`${image}/no/image.sfp`)).rejects.toMatchObject({ code: 'FILE' });
  expect(await names()).toEqual([]);
});

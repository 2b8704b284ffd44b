import { EventEmitter, once } from 'node:events';
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
    const sink = await openFileSink(image, { ops });
    const run = async () => {
      await sink.write([new Uint8Array(5)]);
      await sink.end();
    };
    await expect(run()).rejects.toMatchObject({ code: 'FILE', cause: new DiskFailure(fails) });
    await sink.abort(new Error('given up'));
    expect(await names()).toEqual(['image.sfp']);
    expect(await readFile(image, 'utf8')).toBe('old');
    expect(openCount()).toBe(0);
  },
);

test('a sink that cannot be opened', async () => {
  const { image, names } = await imagePlace();
  await expect(openFileSink(image, tryOps({ fails: 'open' }))).rejects.toMatchObject({
    code: 'FILE',
    cause: new DiskFailure('open'),
  });
  await expect(openFileSink(`${image}/no/image.sfp`)).rejects.toMatchObject({ code: 'FILE' });
  expect(await names()).toEqual([]);
});

test('an image is looked at whole, before it has its name', async () => {
  const { image, names } = await imagePlace();
  let seen = '';
  const sink = await openFileSink(image, {
    check: async (temporaryPath) => {
      seen = await readFile(temporaryPath, 'utf8');
      expect(await names()).not.toContain('image.sfp');
    },
  });
  await sink.write([Buffer.from('whole '), Buffer.from('image')]);
  await sink.end();
  expect(seen).toBe('whole image');
  expect(await names()).toEqual(['image.sfp']);
});

test('an image that is not accepted does not get its name', async () => {
  const { image, names } = await imagePlace();
  await writeFile(image, 'old');
  const sink = await openFileSink(image, {
    check: async () => {
      throw new Error('page 3 is newer than the cut');
    },
  });
  await sink.write([Buffer.from('new')]);
  await expect(sink.end()).rejects.toThrow('page 3 is newer than the cut');
  await sink.abort(new Error('given up'));
  expect(await names()).toEqual(['image.sfp']);
  expect(await readFile(image, 'utf8')).toBe('old');
});

test.for(['gives up', 'goes on to the end'])('abort while the image is looked at, which %s', async (how) => {
  const { image, names } = await imagePlace();
  const news = new EventEmitter();
  const looking = once(news, 'looking');
  const sink = await openFileSink(image, {
    check: async (_, signal) => {
      news.emit('looking');
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      if (how === 'gives up') signal.throwIfAborted();
    },
  });
  await sink.write([Buffer.from('new')]);
  const ending = sink.end().catch((error: unknown) => error);
  await looking;
  await sink.abort(new Error('interrupted'));
  expect(await ending).toEqual(new Error('interrupted'));
  expect(await names()).toEqual([]);
});

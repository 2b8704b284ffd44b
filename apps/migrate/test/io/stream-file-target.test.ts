import { readFile, writeFile } from 'node:fs/promises';
import { pageCodec } from '@stillframe/page-codec';
import { restoreImage, sourceOf } from '@stillframe/snapshot';
import { expect, test } from 'vitest';
import { streamFileTarget } from '../../src/io/stream-file-target.ts';
import { imagePlace } from '../e2e/folder.ts';
import { smallImage } from '../e2e/hostile-peers.ts';
import { encodeChunked, opened, someMemory } from '../read-side/chain-files.ts';
import { flipped } from '../read-side/image-files.ts';
import { DiskFailure, type FileStep, tryOps } from './failing-ops.ts';

test.for(['plain', 'lz4', 'zstd', 'increment'] as const)(
  'the file is the stream, byte for byte: %s',
  async (kind) => {
    const { image, names } = await imagePlace();
    const memory = someMemory();
    const full = await encodeChunked(memory, { method: 'lz4' });
    const parent = opened(full);
    memory.heap[0]! ^= 1;
    const bytes =
      kind === 'plain'
        ? smallImage()
        : await encodeChunked(memory, kind === 'increment' ? { parent, id: 2 } : { method: kind });
    const target = streamFileTarget(image);
    const source = sourceOf([bytes]);
    await restoreImage({
      source,
      target,
      codec: pageCodec,
      ...(kind === 'increment' ? { parent } : {}),
      verify: async () => {
        expect(Buffer.compare(await readFile(target.temporaryPath), bytes)).toBe(0);
        expect(await names()).not.toContain('image.sfp');
        return undefined;
      },
    }).result;
    expect(await names()).toEqual(['image.sfp']);
    expect(Buffer.compare(await readFile(image), bytes)).toBe(0);
  },
);

test('pages that are the same as earlier ones cannot be taken: there is no way to read them back', async () => {
  const { image, names } = await imagePlace();
  const bytes = await encodeChunked(someMemory(), { sameAs: true });
  const run = restoreImage({ source: sourceOf([bytes]), target: streamFileTarget(image), codec: pageCodec });
  await expect(run.result).rejects.toMatchObject({ code: 'version-mismatch' });
  expect(await names()).toEqual([]);
});

test('damage at the end leaves nothing', async () => {
  const { image, names } = await imagePlace();
  const bytes = await encodeChunked(someMemory());
  const source = sourceOf([flipped(bytes, bytes.length - 3)]);
  const run = restoreImage({ source, target: streamFileTarget(image), codec: pageCodec });
  await expect(run.result).rejects.toMatchObject({ code: 'corrupt-stream' });
  expect(await names()).toEqual([]);
});

test('discard before anything came', async () => {
  const { image, names } = await imagePlace();
  const target = streamFileTarget(image);
  await target.discard();
  expect(() => target.temporaryPath).toThrow('nothing has come yet');
  expect(await names()).toEqual([]);
});

const steps: readonly FileStep[] = ['open', 'writev', 'sync', 'rename'];

test.for(steps)('%s fails: target-failed, the old file and nothing else', async (fails) => {
  const { image, names } = await imagePlace();
  await writeFile(image, 'old');
  const { ops, openCount } = tryOps({ fails });
  const run = restoreImage({ source: sourceOf([smallImage()]), target: streamFileTarget(image, { ops }) });
  await expect(run.result).rejects.toMatchObject({
    code: 'target-failed',
    cause: { code: 'FILE', cause: new DiskFailure(fails) },
  });
  expect(await names()).toEqual(['image.sfp']);
  expect(await readFile(image, 'utf8')).toBe('old');
  expect(openCount()).toBe(0);
});

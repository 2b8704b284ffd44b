import { readFile, writeFile } from 'node:fs/promises';
import { pureCodec } from '@stillframe/page-stream';
import { restoreImage, sourceOf } from '@stillframe/snapshot';
import { expect, test } from 'vitest';
import { imageFileTarget } from '../../src/io/image-file-target.ts';
import { imagePlace } from '../e2e/folder.ts';
import { smallImage } from '../e2e/hostile-peers.ts';
import { DiskFailure, type FileStep, tryOps } from './failing-ops.ts';

const PAGE_BYTES = 4096;
const region = { id: 0, name: 'memory', sizeBytes: 4 * PAGE_BYTES, pageSize: PAGE_BYTES };
const state = { kind: 'test/nothing@1', bytes: Uint8Array.of(1, 2, 3) };
const streamId = new Uint8Array(16).fill(9);
const page = new Uint8Array(PAGE_BYTES).fill(0xa5);

/** Takes in one data page and three zero pages. */
async function fill(target: ReturnType<typeof imageFileTarget>): Promise<void> {
  await target.allocate([region], streamId);
  await target.writeState(state);
  await target.writePages(0, [{ firstPage: 2, pageCount: 1, kind: 'data' }], page);
  await target.writePages(
    0,
    [
      { firstPage: 0, pageCount: 2, kind: 'zero' },
      { firstPage: 3, pageCount: 1, kind: 'zero' },
    ],
    new Uint8Array(0),
  );
}

async function totalsOf(file: string): Promise<unknown> {
  const other = await imagePlace();
  const target = imageFileTarget(other.image, { codec: pureCodec });
  const { pages, zeroPages, stateKind } = await restoreImage({
    source: sourceOf([await readFile(file)]),
    target,
  }).result;
  return { pages, zeroPages, stateKind };
}

const totals = { pages: 4, zeroPages: 3, stateKind: state.kind };

test('a sealed image can be read before it has its name', async () => {
  const { image, names } = await imagePlace();
  const target = imageFileTarget(image, { codec: pureCodec });
  await fill(target);
  const sealed = await target.seal();
  expect(await target.seal()).toBe(sealed);
  expect(await totalsOf(sealed)).toEqual(totals);
  expect(await names()).not.toContain('image.sfp');
  await target.commit();
  expect(await names()).toEqual(['image.sfp']);
  expect(await totalsOf(image)).toEqual(totals);
});

test('commit seals, and discard after it does nothing', async () => {
  const { image, names } = await imagePlace();
  const target = imageFileTarget(image, { codec: pureCodec });
  await fill(target);
  await target.commit();
  await target.discard();
  expect(await names()).toEqual(['image.sfp']);
  expect(await totalsOf(image)).toEqual(totals);
});

test('discard before anything came, and twice', async () => {
  const { image, names } = await imagePlace();
  const target = imageFileTarget(image, { codec: pureCodec });
  await target.discard();
  await fill(target);
  await target.discard();
  await target.discard();
  expect(await names()).toEqual([]);
});

test('pages before the regions', async () => {
  const { image } = await imagePlace();
  const target = imageFileTarget(image, { codec: pureCodec });
  await expect(target.writePages(0, [], page)).rejects.toThrow('pages came before the regions');
});

const steps: readonly FileStep[] = ['open', 'writev', 'sync', 'rename'];

test.for(steps)(
  '%s fails in the middle of a receipt: target-failed, the old file and nothing else',
  async (fails) => {
    const { image, names } = await imagePlace();
    await writeFile(image, 'old');
    const { ops, openCount } = tryOps({ fails });
    const target = imageFileTarget(image, { codec: pureCodec, ops });
    const run = restoreImage({ source: sourceOf([smallImage()]), target });
    await expect(run.result).rejects.toMatchObject({ code: 'target-failed', cause: new DiskFailure(fails) });
    expect(await names()).toEqual(['image.sfp']);
    expect(await readFile(image, 'utf8')).toBe('old');
    expect(openCount()).toBe(0);
  },
);

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { openFileSource } from '../../src/io/file-source.ts';
import { memoryTarget } from '../../src/io/memory-target.ts';
import { fileOf, inFolder } from './image-files.ts';

const PAGE = 4096;
const regionOf = (pageCount: number) => ({
  id: 0,
  name: 'heap',
  sizeBytes: pageCount * PAGE,
  pageSize: PAGE,
});
const STREAM_ID = new Uint8Array(16);

async function allocateWithin4Pages(pageCount: number): Promise<void> {
  const target = memoryTarget({ maxBytes: 4 * PAGE });
  try {
    await target.allocate([regionOf(pageCount)], STREAM_ID);
  } finally {
    await target.discard();
  }
}

test('the bound on memory: below, at, above', async () => {
  await allocateWithin4Pages(3);
  await allocateWithin4Pages(4);
  await expect(allocateWithin4Pages(5)).rejects.toThrow(RangeError);
});

test('what was written is a copy, in its place, and the rest is zero', async () => {
  const target = memoryTarget();
  await target.allocate([regionOf(4)], STREAM_ID);
  const stateBytes = Uint8Array.of(1, 2, 3);
  await target.writeState({ kind: 'test@1', bytes: stateBytes });
  const page = new Uint8Array(PAGE).fill(9);
  await target.writePages(
    0,
    [
      { firstPage: 0, pageCount: 2, kind: 'zero' },
      { firstPage: 2, pageCount: 1, kind: 'data' },
    ],
    page,
  );
  stateBytes.fill(0);
  page.fill(0);
  await target.commit();
  const { state, regions } = target.image();
  expect(state).toEqual({ kind: 'test@1', bytes: Uint8Array.of(1, 2, 3) });
  const expected = new Uint8Array(4 * PAGE).fill(9, 2 * PAGE, 3 * PAGE);
  expect(Buffer.compare(regions.get('heap')!, expected)).toBe(0);
  await target.discard();
});

test('a file source reads at a place without moving, and short only at the end', () =>
  inFolder(async (folder) => {
    const path = await fileOf(folder, 'bytes', Uint8Array.of(0, 1, 2, 3, 4));
    await using source = await openFileSource(path);
    expect(source.sizeBytes).toBe(5);
    expect(source.readAt(3, 10)).toEqual(Uint8Array.of(3, 4));
    expect(source.readAt(9, 1)).toEqual(new Uint8Array(0));
    const into = new Uint8Array(3);
    expect(await source.read(into)).toBe(3);
    expect(into).toEqual(Uint8Array.of(0, 1, 2));
    expect(await source.read(into)).toBe(2);
    expect(await source.read(into)).toBe(0);
  }));

test('a pipe without a writer is refused, not waited for', () =>
  inFolder(async (folder) => {
    execFileSync('mkfifo', [`${folder}/pipe`]);
    await expect(openFileSource(`${folder}/pipe`)).rejects.toMatchObject({ code: 'FILE' });
  }));

import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type OpenFile, writeAt } from '../../src/io/write-at.ts';
import { makeFolder } from '../e2e/folder.ts';

/** Below, at and above what the calling thread writes by itself. */
const SIZES = [1, 32 * 1024, 32 * 1024 + 1, 3 * 2 ** 20];

test.for(SIZES)('%i bytes, at their place', async (sizeBytes) => {
  const file = path.join(await makeFolder(), 'file');
  const handle = await open(file, 'wx+');
  const bytes = Buffer.from(Array.from({ length: sizeBytes }, (_, index) => index * 7));
  await writeAt(handle, [bytes, Buffer.alloc(0), bytes], 10);
  await handle.close();
  const expected = Buffer.concat([Buffer.alloc(10), bytes, bytes]);
  expect((await readFile(file)).equals(expected)).toBe(true);
});

test('a short write is gone on with, one that takes nothing is an error', async () => {
  const taken: number[] = [];
  const handle = (least: number): OpenFile => ({
    fd: -1,
    async write(_bytes, _offset, length, position) {
      taken.push(position);
      return { bytesWritten: Math.min(length, least) };
    },
  });
  await writeAt(handle(50_000), [Buffer.alloc(150_000)], 5);
  expect(taken).toEqual([5, 50_005, 100_005]);
  await expect(writeAt(handle(0), [Buffer.alloc(100_000)], 0)).rejects.toThrow('took nothing');
});

test.for(SIZES)('a full device fails with its own error: %i bytes', async (sizeBytes) => {
  const handle = await open('/dev/full', constants.O_WRONLY);
  await expect(writeAt(handle, [Buffer.alloc(sizeBytes)], 0)).rejects.toMatchObject({ code: 'ENOSPC' });
  await handle.close();
});

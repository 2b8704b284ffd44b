import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openCorePipe } from '../../src/io/core-pipe.ts';
import { makeFolder } from '../e2e/folder.ts';

const MIB = 2 ** 20;

test('bytes in any order come out in order with the commit, holes as zeros', async () => {
  const folder = await makeFolder();
  const out: Buffer[] = [];
  const pipe = await openCorePipe(async (bytes) => {
    out.push(Buffer.from(bytes));
  }, folder);
  // It waits in a file without a name.
  expect(await readdir(folder)).toEqual([]);
  await pipe.truncate(3 * MIB);
  await pipe.write([Buffer.from('end')], 3 * MIB - 3);
  await pipe.write([Buffer.from('be'), Buffer.from('gin')], 0);
  await pipe.write([Buffer.alloc(MIB, 7)], MIB);
  expect(out).toEqual([]);
  await pipe.commit();
  await pipe.discard();
  const whole = Buffer.concat(out);
  const expected = Buffer.alloc(3 * MIB);
  expected.write('begin');
  expected.fill(7, MIB, 2 * MIB);
  expected.write('end', 3 * MIB - 3);
  expect(whole.equals(expected)).toBe(true);
});

test('what is discarded never goes out', async () => {
  const out: Uint8Array[] = [];
  const pipe = await openCorePipe(
    async (bytes) => {
      out.push(bytes);
    },
    await makeFolder(),
  );
  await pipe.write([Buffer.from('secret')], 0);
  await pipe.discard();
  await pipe.discard();
  expect(out).toEqual([]);
});

test('a reader that goes away ends it', async () => {
  const pipe = await openCorePipe(() => Promise.reject(new Error('EPIPE')), await makeFolder());
  await pipe.write([Buffer.from('secret')], 0);
  await expect(pipe.commit()).rejects.toThrow('EPIPE');
  await pipe.discard();
});

test('a folder that is not there', async () => {
  const folder = path.join(await makeFolder(), 'nowhere');
  await expect(openCorePipe(async () => undefined, folder)).rejects.toMatchObject({ code: 'ENOENT' });
});

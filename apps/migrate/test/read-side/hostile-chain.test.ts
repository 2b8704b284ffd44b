import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pageCodec } from '@stillframe/page-codec';
import { type ParentImage, walkFrames } from '@stillframe/page-stream';
import { expect, test } from 'vitest';
import { DIRECTORY_FILES_MAX } from '../../src/chain/find-parent.ts';
import { encodeChunked, type Memory, opened, PAGE } from './chain-files.ts';
import { fileOf, inFolder } from './image-files.ts';
import { runCommand } from './run-command.ts';

const tiny: Memory = { heap: new Uint8Array(PAGE).fill(3), stack: new Uint8Array(PAGE) };
const full = await encodeChunked(tiny, { id: 1 });

/** An image that may say anything of itself, with the pages of `tiny`. */
function claimed(id: number, chainLength: number, digest = opened(full).digest): ParentImage {
  const { regions } = opened(full);
  return {
    streamId: new Uint8Array(16).fill(id),
    digest,
    chainLength,
    regions,
    readPages: (region, firstPage, pages) => opened(full).readPages(region, firstPage, pages),
  };
}

async function codeOf(
  argv: readonly string[],
): Promise<{ exitCode: number; code: unknown; message: string }> {
  const run = await runCommand([...argv, '--json']);
  const error = run.lines().find(({ type }) => type === 'error');
  return { exitCode: run.exitCode, code: error?.['code'], message: String(error?.['message']) };
}

/** `image` with a frame whose payload was changed, the checksums right. */
function forged(image: Uint8Array, type: string, change: (payload: DataView) => void): Uint8Array {
  const bytes = image.slice();
  const frames = walkFrames((offset, length) => bytes.subarray(offset, offset + length));
  const { offset, frameBytes } = [...frames].find(({ typeName }) => typeName === type)!;
  const view = new DataView(bytes.buffer, offset, frameBytes);
  change(new DataView(bytes.buffer, offset + 32, frameBytes - 32));
  view.setUint32(12, pageCodec.crc32c(bytes.subarray(offset + 32, offset + frameBytes)), true);
  view.setUint32(28, pageCodec.crc32c(bytes.subarray(offset, offset + 28)), true);
  return bytes;
}

function withChainLength(image: Uint8Array, chainLength: number): Uint8Array {
  return forged(image, 'PARENT', (payload) => payload.setUint32(24, chainLength, true));
}

test('64 images below one are read, 65 are not', { timeout: 60_000 }, () =>
  inFolder(async (folder) => {
    let below = opened(full);
    let newest = await fileOf(folder, '0', full);
    for (let level = 1; level <= 64; level++) {
      // oxlint-disable no-await-in-loop -- each is made from the one before
      const bytes = await encodeChunked(tiny, { id: level + 1, parent: below });
      newest = await fileOf(folder, `${level}`, bytes);
      // oxlint-enable no-await-in-loop
      below = opened(bytes, below);
    }
    expect(await codeOf(['verify', newest])).toMatchObject({ exitCode: 0 });
    const bytes = await encodeChunked(tiny, { id: 77, parent: claimed(65, 63) });
    const longer = await fileOf(folder, 'longer', withChainLength(bytes, 65));
    for (const command of ['verify', 'diff']) {
      const argv = command === 'diff' ? [command, longer, newest] : [command, longer];
      // oxlint-disable-next-line no-await-in-loop -- one command after the other
      expect(await codeOf(argv)).toMatchObject({ exitCode: 13, code: 'CHAIN_TOO_LONG' });
    }
  }),
);

test('two images that are each other’s parent', () =>
  inFolder(async (folder) => {
    const one = await fileOf(folder, 'one', await encodeChunked(tiny, { id: 8, parent: claimed(9, 1) }));
    await fileOf(folder, 'two', await encodeChunked(tiny, { id: 9, parent: claimed(8, 0) }));
    for (const command of [
      ['verify', one],
      ['flatten', one, '--out', path.join(folder, 'out')],
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- one command after the other
      expect(await codeOf(command)).toMatchObject({ exitCode: 13, code: 'CHAIN_CYCLE' });
    }
  }));

test('a parent that is at another place of the chain than its child says', () =>
  inFolder(async (folder) => {
    await fileOf(folder, 'full', full);
    const bytes = await encodeChunked(tiny, { id: 2, parent: opened(full) });
    const child = await fileOf(folder, 'child', withChainLength(bytes, 2));
    const { exitCode, code, message } = await codeOf(['verify', child]);
    expect({ exitCode, code }).toEqual({ exitCode: 15, code: 'CHAIN_WRONG_PARENT' });
    expect(message).toContain('it says that 0 images are below it, and not 1');
  }));

test('of several files with the id of the parent the right one is taken', () =>
  inFolder(async (folder) => {
    const other: Memory = { heap: new Uint8Array(PAGE).fill(9), stack: new Uint8Array(PAGE) };
    const wrong = await encodeChunked(other, { id: 1 });
    for (const name of ['a', 'z']) {
      // oxlint-disable-next-line no-await-in-loop -- two files
      await fileOf(folder, name, wrong);
    }
    const child = await fileOf(folder, 'm', await encodeChunked(tiny, { id: 2, parent: opened(full) }));
    expect(await codeOf(['verify', child])).toMatchObject({ exitCode: 15, code: 'CHAIN_WRONG_PARENT' });
    await fileOf(folder, 'p', full);
    // Some file systems list the newest first, some the oldest.
    await fileOf(folder, 'newest', wrong);
    expect(await codeOf(['verify', child])).toMatchObject({ exitCode: 0 });
  }));

test('a parent that states the right digest of other pages is found out, and no image is made of it', () =>
  inFolder(async (folder) => {
    const other: Memory = { heap: new Uint8Array(PAGE).fill(9), stack: new Uint8Array(PAGE) };
    const [low, high] = opened(full).digest;
    const lying = forged(await encodeChunked(other, { id: 1 }), 'END', (payload) => {
      payload.setUint32(32, low!, true);
      payload.setUint32(36, high!, true);
    });
    await fileOf(folder, 'parent', lying);
    const child = await fileOf(folder, 'child', await encodeChunked(tiny, { id: 2, parent: opened(full) }));
    const run = await runCommand(['verify', child, '--json']);
    expect(run.exitCode).toBe(13);
    expect(run.lines()).toContainEqual(
      expect.objectContaining({
        type: 'damage',
        streamCode: 'STREAM_DIGEST',
        path: path.join(folder, 'parent'),
      }),
    );
    const flatten = await codeOf(['flatten', child, '--out', path.join(folder, 'out')]);
    expect(flatten).toMatchObject({ exitCode: 13, code: 'corrupt-stream' });
    expect((await readdir(folder)).toSorted()).toEqual(['child', 'parent']);
  }));

test('a directory of more files than are looked at: the parent can still be named', { timeout: 60_000 }, () =>
  inFolder(async (folder) => {
    const child = await fileOf(folder, 'child', await encodeChunked(tiny, { id: 2, parent: opened(full) }));
    const elsewhere = path.join(folder, 'parent');
    await writeFile(elsewhere, full);
    const names = Array.from({ length: DIRECTORY_FILES_MAX }, (_, index) => `file-${index}`);
    await Promise.all(names.map((name) => writeFile(path.join(folder, name), '')));
    expect((await codeOf(['verify', child, '--parent', elsewhere])).exitCode).toBe(0);
  }),
);

import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { formatDigest } from '@stillframe/page-stream';
import { expect, test } from 'vitest';
import { memoryFiles, opened, storedChain } from './chain-files.ts';
import { flipped, inFolder } from './image-files.ts';
import { runCommand } from './run-command.ts';

test.for(['none', 'lz4', 'zstd:3'])('a chain becomes one image with the same digest: %s', (compress) =>
  inFolder(async (folder) => {
    const { memory, paths, bytes } = await storedChain(folder);
    const out = path.join(folder, 'full');
    const run = await runCommand(['flatten', paths[2], '--out', out, '--compress', compress, '--json']);
    expect(run.exitCode).toBe(0);
    const digest = formatDigest(opened(bytes[2], opened(bytes[1], opened(bytes[0]))).digest);
    expect(run.lines().at(-1)).toMatchObject({ outcome: 'done', images: 3, pages: 184, digest });
    const full = await readFile(out);
    expect(opened(full)).toMatchObject({ parentIdentity: undefined, index: 'used', chainLength: 0 });
    const restored = path.join(folder, 'restored');
    await runCommand(['restore', out, '--into', `file:${restored}`]);
    expect(Buffer.compare(await readFile(memoryFiles(restored)[0]), memory.heap)).toBe(0);
    expect(Buffer.compare(await readFile(memoryFiles(restored)[1]), memory.stack)).toBe(0);
    expect((await runCommand(['diff', paths[2], out])).exitCode).toBe(0);
    const words = (await runCommand(['flatten', paths[2], '--out', out])).stdout;
    expect(words).toContain('3 images');
  }),
);

test('a damaged layer leaves no image', () =>
  inFolder(async (folder) => {
    const { paths, bytes } = await storedChain(folder);
    const out = path.join(folder, 'full');
    const { frameOffset } = opened(bytes[0]).locate(0, 1);
    await writeFile(paths[0], flipped(bytes[0], frameOffset + 32 + 16 + 32 * 64));
    const run = await runCommand(['flatten', paths[2], '--out', out, '--json']);
    expect(run.exitCode).toBe(13);
    expect(run.lines()).toContainEqual(expect.objectContaining({ type: 'damage', path: paths[0] }));
    const names = await readdir(folder);
    expect(names.toSorted()).toEqual(['base.sfp', 'middle.sfp', 'top.sfp']);
  }));

test('what is read is not overwritten, and a level that is none is refused', () =>
  inFolder(async (folder) => {
    const { paths, bytes } = await storedChain(folder);
    const over = await runCommand(['flatten', paths[2], '--out', paths[0]]);
    expect(over.exitCode).toBe(15);
    expect(over.stderr).toContain('is a part of what is to be read');
    expect(Buffer.compare(await readFile(paths[0]), bytes[0])).toBe(0);
    const out = ['--out', path.join(folder, 'full')];
    expect((await runCommand(['flatten', paths[2], ...out, '--compress', 'gzip'])).exitCode).toBe(2);
    expect((await runCommand(['flatten', paths[2], ...out, '--compress', 'zstd:99'])).exitCode).toBe(2);
    expect((await runCommand(['flatten', paths[2]])).exitCode).toBe(2);
    expect(await readdir(folder)).toHaveLength(3);
  }));

test('is given up when it is interrupted', () =>
  inFolder(async (folder) => {
    const { paths } = await storedChain(folder);
    const signal = AbortSignal.abort(new Error('interrupted'));
    const run = await runCommand(['flatten', paths[2], '--out', path.join(folder, 'full')], signal);
    expect(run.exitCode).not.toBe(0);
    expect(await readdir(folder)).toHaveLength(3);
  }));

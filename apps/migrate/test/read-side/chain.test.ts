import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { formatDigest } from '@stillframe/page-stream';
import type { Target } from '@stillframe/snapshot';
import { describe, expect, test } from 'vitest';
import { DIRECTORY_FILES_MAX } from '../../src/chain/find-parent.ts';
import { restoreInto } from '../../src/load-image.ts';
import {
  encodeChunked,
  type Memory,
  memoryFiles,
  opened,
  someMemory,
  storedChain,
  PAGE,
} from './chain-files.ts';
import { fileOf, flipped, inFolder } from './image-files.ts';
import { keepingContext, type Outcome, runCommand } from './run-command.ts';

async function expectMemory(directory: string, { heap, stack }: Memory): Promise<void> {
  const [heapFile, stackFile] = memoryFiles(directory);
  expect(Buffer.compare(await readFile(heapFile), heap)).toBe(0);
  expect(Buffer.compare(await readFile(stackFile), stack)).toBe(0);
}

function errorOf(run: Outcome) {
  return run.lines().find(({ type }) => type === 'error')!;
}

describe('one image in chunks', () => {
  test.for([
    { method: 'lz4', sameAs: false },
    { method: 'zstd', sameAs: true },
    { method: undefined, sameAs: true },
  ] as const)('restores and verifies: $method, same-as $sameAs', ({ method, sameAs }) =>
    inFolder(async (folder) => {
      const memory = someMemory();
      const bytes = await encodeChunked(memory, { ...(method && { method }), sameAs });
      const image = await fileOf(folder, 'image', bytes);
      const restored = path.join(folder, 'restored');
      expect((await runCommand(['restore', image, '--into', `file:${restored}`])).exitCode).toBe(0);
      await expectMemory(restored, memory);
      const run = await runCommand(['verify', image, '--json']);
      expect(run.exitCode).toBe(0);
      expect(run.lines().at(-1)).toMatchObject({
        outcome: 'done',
        digest: formatDigest(opened(bytes).digest),
      });
    }),
  );
});

describe('a chain', () => {
  test('is found beside the image', () =>
    inFolder(async (folder) => {
      const { memory, paths, bytes } = await storedChain(folder);
      const restored = path.join(folder, 'restored');
      const run = await runCommand(['restore', paths[2], '--into', `file:${restored}`, '--json']);
      expect(run.exitCode).toBe(0);
      expect(run.lines().at(-1)).toMatchObject({ outcome: 'done', pages: 184, streamId: '03'.repeat(16) });
      await expectMemory(restored, memory);
      const manifest = JSON.parse(await readFile(path.join(restored, 'manifest.json'), 'utf8'));
      expect(manifest).toMatchObject({ streamId: '03'.repeat(16), state: { kind: 'test@1', sizeBytes: 1 } });
      const verified = await runCommand(['verify', paths[1], '--json']);
      expect(verified.lines().find(({ type }) => type === 'image')).toMatchObject({
        bytes: bytes[0].length + bytes[1].length,
        streamId: '02'.repeat(16),
      });
      expect(verified.exitCode).toBe(0);
      expect((await runCommand(['restore', paths[2], '--into', 'memory'])).exitCode).toBe(0);
    }));

  test('is named', () =>
    inFolder(async (folder) => {
      const { memory, paths } = await storedChain(folder);
      const elsewhere = path.join(folder, 'elsewhere');
      await mkdir(elsewhere);
      const [base, middle] = [path.join(elsewhere, 'a'), path.join(elsewhere, 'b')];
      await rename(paths[0], base);
      await rename(paths[1], middle);
      const alone = await runCommand(['verify', paths[2], '--json']);
      expect(alone.exitCode).toBe(16);
      expect(errorOf(alone)).toMatchObject({ code: 'CHAIN_PARENT_MISSING' });
      expect(errorOf(alone)['message']).toContain('02'.repeat(16));
      expect(errorOf(alone)['hint']).toContain('--parent');
      const restored = path.join(folder, 'restored');
      const into = ['--into', `file:${restored}`];
      expect((await runCommand(['restore', paths[2], ...into, '--parent', middle])).exitCode).toBe(0);
      await expectMemory(restored, memory);
      await copyFile(base, path.join(folder, 'other'));
      await rm(base);
      const both = ['--parent', middle, '--parent', path.join(folder, 'other')];
      expect((await runCommand(['verify', paths[2], ...both])).exitCode).toBe(0);
    }));

  test('an image that is not in the chain is not taken for a parent', () =>
    inFolder(async (folder) => {
      const { paths } = await storedChain(folder);
      const run = await runCommand(['verify', paths[1], '--parent', paths[2], '--json']);
      expect(run.exitCode).toBe(2);
      expect(errorOf(run)).toMatchObject({ code: 'CHAIN_UNUSED_PARENT' });
    }));

  test('a parent with the right id and other memory is refused', () =>
    inFolder(async (folder) => {
      const { paths } = await storedChain(folder);
      await writeFile(paths[0], await encodeChunked(someMemory(), { id: 1 }));
      const run = await runCommand(['verify', paths[2], '--json']);
      expect(run.exitCode).toBe(15);
      expect(errorOf(run)).toMatchObject({ code: 'CHAIN_WRONG_PARENT' });
      expect(errorOf(run)['message']).toContain('digest');
    }));

  test('an image that is its own parent', () =>
    inFolder(async (folder) => {
      const memory = someMemory();
      const fake = (id: number, chainLength: number) => ({
        streamId: new Uint8Array(16).fill(id),
        digest: new Uint32Array([1, 2]),
        chainLength,
        regions: opened(base).regions,
        readPages: (region: number, firstPage: number, pages: Uint8Array) =>
          opened(base).readPages(region, firstPage, pages),
      });
      const base = await encodeChunked(memory);
      const itself = await fileOf(
        folder,
        'itself',
        await encodeChunked(memory, { id: 9, parent: fake(9, 3) }),
      );
      const run = await runCommand(['verify', itself, '--json']);
      expect(run.exitCode).toBe(13);
      expect(errorOf(run)).toMatchObject({ code: 'CHAIN_CYCLE' });
    }));

  test('damage in any layer is damage', () =>
    inFolder(async (folder) => {
      const { paths, bytes } = await storedChain(folder);
      for (const [index, file] of paths.entries()) {
        // The stored bytes of the first chunk.
        const { frameOffset } = opened(bytes[0]).locate(0, 1);
        // oxlint-disable no-await-in-loop -- one file after the other
        await writeFile(file, flipped(bytes[index]!, frameOffset + 32 + 16));
        const run = await runCommand(['verify', paths[2], '--json']);
        await writeFile(file, bytes[index]!);
        // oxlint-enable no-await-in-loop
        expect(run.exitCode, `damage in layer ${index}`).toBe(13);
        expect(run.lines()).toContainEqual(expect.objectContaining({ type: 'damage', path: file }));
      }
      expect((await runCommand(['verify', paths[2]])).exitCode).toBe(0);
    }));

  test('a directory of other files, and of too many', () =>
    inFolder(async (folder) => {
      const { paths } = await storedChain(folder);
      await writeFile(path.join(folder, 'a-text'), 'no image');
      await writeFile(path.join(folder, 'empty'), '');
      expect((await runCommand(['verify', paths[2]])).exitCode).toBe(0);
      expect(DIRECTORY_FILES_MAX).toBeGreaterThan(1000);
    }));
});

describe('inspect', () => {
  test('says how pages are stored, what the parent is, and where pages are', () =>
    inFolder(async (folder) => {
      const { paths, bytes } = await storedChain(folder);
      const run = await runCommand(['inspect', paths[2], '--json']);
      expect(run.exitCode).toBe(0);
      const summary = run.lines().at(-1)!;
      expect(summary).toMatchObject({
        features: ['CHUNKS', 'LZ4', 'SAME_AS', 'PARENT'],
        parent: {
          streamId: '02'.repeat(16),
          digest: formatDigest(opened(bytes[1]).digest),
          chainLength: 2,
        },
        layout: { index: 'used', seeks: 0 },
      });
      expect(summary['mix']).toEqual([
        { kind: 'delta-lz4', pages: 1, bytes: opened(bytes[2]).locate(1, 2).storedBytes },
        { kind: 'zero', pages: 1, bytes: 0 },
        { kind: 'parent', pages: 182, bytes: 0 },
      ]);
      const text = await runCommand(['inspect', paths[2]]);
      for (const word of ['inherited', '2 images below', 'PARENT', 'there, and right']) {
        expect(text.stdout).toContain(word);
      }
      const frames = await runCommand(['inspect', paths[0], '--frames']);
      expect(frames.stdout).toMatch(/@\d+ +CHUNKS .* \d+ lz4/);
    }));

  test('a damaged index is no damage', () =>
    inFolder(async (folder) => {
      const bytes = await encodeChunked(someMemory());
      const image = await fileOf(folder, 'image', flipped(bytes, bytes.length - 72 - 30));
      const run = await runCommand(['inspect', image, '--json']);
      expect(run.exitCode).toBe(0);
      expect(run.lines().at(-1)).toMatchObject({ layout: { index: 'damaged' } });
    }));

  test('an image without index', () =>
    inFolder(async (folder) => {
      const image = await fileOf(folder, 'image', await encodeChunked(someMemory(), { index: false }));
      const run = await runCommand(['inspect', image, '--json']);
      expect(run.lines().at(-1)).toMatchObject({ layout: { index: 'absent' }, features: ['CHUNKS'] });
    }));
});

/** Keeps pages, and gives none back. */
function blindTarget(): Target & { pages: Map<string, Uint8Array> } {
  const pages = new Map<string, Uint8Array>();
  return {
    pages,
    async allocate() {},
    async writeState() {},
    async writePages(region, runs, bytes) {
      let at = 0;
      for (const { firstPage, pageCount, kind } of runs) {
        if (kind === 'zero') continue;
        for (let page = firstPage; page < firstPage + pageCount; page++) {
          pages.set(`${region}/${page}`, bytes.slice(at, at + PAGE));
          at += PAGE;
        }
      }
    },
    async commit() {},
    async discard() {},
  };
}

describe('a target that cannot read back', () => {
  test('takes an image whose pages refer to each other, but no increment', () =>
    inFolder(async (folder) => {
      const memory = someMemory();
      const { context } = keepingContext();
      const options = { context, report: context.report(false) };
      const image = await fileOf(folder, 'image', await encodeChunked(memory, { sameAs: true }));
      const target = blindTarget();
      await restoreInto(image, target, options);
      for (let page = 0; page < 120; page++) {
        const wanted = memory.heap.subarray(page * PAGE, (page + 1) * PAGE);
        expect(Buffer.compare(target.pages.get(`0/${page}`)!, wanted)).toBe(0);
      }
      const { paths } = await storedChain(folder);
      await expect(restoreInto(paths[1], blindTarget(), options)).rejects.toMatchObject({
        code: 'REFUSED',
        hint: expect.stringContaining('migrate flatten'),
      });
    }));
});

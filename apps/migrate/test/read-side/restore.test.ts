import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Interrupted } from '../../src/cli-error.ts';
import { copyImage, memoryOf } from '../workloads/take-image.ts';
import { counterImage, encodeImage, fileOf, flipped, inFolder, simulatedImage } from './image-files.ts';
import { runCommand } from './run-command.ts';

const PAGE = 4096;

test('into memory: says what was checked', () =>
  inFolder(async (folder) => {
    const image = await counterImage();
    const good = await fileOf(folder, 'good', encodeImage(image));
    const run = await runCommand(['restore', good, '--into', 'memory', '--json']);
    expect(run.exitCode).toBe(0);
    expect(run.lines().at(-1)).toMatchObject({
      type: 'summary',
      outcome: 'done',
      into: 'memory',
      oracle: image.state.kind,
      verified: true,
    });
    const wrong = copyImage(image);
    memoryOf(wrong).copyWithin(0, PAGE, 2 * PAGE);
    const bad = await fileOf(folder, 'bad', encodeImage(wrong));
    const refused = await runCommand(['restore', bad, '--into', 'memory', '--json']);
    expect(refused.exitCode).toBe(15);
    expect(refused.lines().at(-1)).toMatchObject({ outcome: 'refused', verified: false });
  }));

test('into files: each region as it was, its holes as holes, state and manifest', () =>
  inFolder(async (folder) => {
    const { bytes, memory } = await simulatedImage([
      { name: 'heap', pageCount: 4096, touchedPages: 3 },
      { name: '../escape', pageCount: 8 },
    ]);
    const directory = path.join(folder, 'out');
    const run = await runCommand([
      'restore',
      await fileOf(folder, 'image', bytes),
      '--into',
      `file:${directory}`,
      '--json',
    ]);
    expect(run.exitCode).toBe(0);
    expect((await readdir(directory)).toSorted()).toEqual([
      'heap.mem',
      'manifest.json',
      'region-1.mem',
      'state.bin',
    ]);
    const [heap, escape] = memory;
    expect(Buffer.compare(await readFile(path.join(directory, 'heap.mem')), heap!)).toBe(0);
    expect(Buffer.compare(await readFile(path.join(directory, 'region-1.mem')), escape!)).toBe(0);
    const { blocks, mode } = await stat(path.join(directory, 'heap.mem'));
    expect(blocks * 512).toBeLessThan((heap!.byteLength * 1) / 4);
    expect(mode & 0o077).toBe(0);
    expect(JSON.parse(await readFile(path.join(directory, 'manifest.json'), 'utf8'))).toEqual({
      manifestVersion: 1,
      streamId: '07'.repeat(16),
      state: { kind: 'simulated@1', sizeBytes: 8, file: 'state.bin' },
      regions: [
        { id: 0, name: 'heap', sizeBytes: 4096 * PAGE, pageSize: PAGE, file: 'heap.mem' },
        { id: 1, name: '../escape', sizeBytes: 8 * PAGE, pageSize: PAGE, file: 'region-1.mem' },
      ],
    });
    expect((await readFile(path.join(directory, 'state.bin'))).byteLength).toBe(8);
    expect((await readdir(folder)).toSorted()).toEqual(['image', 'out']);
  }));

test('into files: pages behind a hole are where they were', () =>
  inFolder(async (folder) => {
    const heap = new Uint8Array(8 * PAGE).fill(9, 3 * PAGE, 5 * PAGE).fill(7, 7 * PAGE);
    const state = { kind: 'test@1', bytes: Uint8Array.of(1, 2, 3) };
    const image = await fileOf(folder, 'image', encodeImage({ state, regions: new Map([['heap', heap]]) }));
    const directory = path.join(folder, 'out');
    expect((await runCommand(['restore', image, '--into', `file:${directory}`])).exitCode).toBe(0);
    expect(Buffer.compare(await readFile(path.join(directory, 'heap.mem')), heap)).toBe(0);
    expect(await readFile(path.join(directory, 'state.bin'))).toEqual(Buffer.from(state.bytes));
  }));

test('into files: nothing is left of an image that is damaged or cut', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage([{ name: 'heap', pageCount: 16 }]);
    const bad = await fileOf(folder, 'image', flipped(bytes, bytes.byteLength - 3 * PAGE));
    const into = `file:${path.join(folder, 'out')}`;
    expect((await runCommand(['restore', bad, '--into', into])).exitCode).toBe(13);
    const cut = await fileOf(folder, 'image', bytes.subarray(0, bytes.byteLength - 10));
    expect((await runCommand(['restore', cut, '--into', into])).exitCode).toBe(13);
    expect(await readdir(folder)).toEqual(['image']);
  }));

test('into files: what exists is refused, also when it is empty', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage([{ pageCount: 4 }]);
    const image = await fileOf(folder, 'image', bytes);
    await mkdir(path.join(folder, 'out'));
    for (const taken of ['out', 'image']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const run = await runCommand(['restore', image, '--into', `file:${path.join(folder, taken)}`]);
      expect(run.exitCode).toBe(15);
    }
    expect((await readdir(folder)).toSorted()).toEqual(['image', 'out']);
    expect(Buffer.compare(await readFile(image), bytes)).toBe(0);
  }));

test('into files: a place that cannot be written is a local failure', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage([{ pageCount: 4 }]);
    const image = await fileOf(folder, 'image', bytes);
    const run = await runCommand(['restore', image, '--into', `file:${folder}/no/such/place`]);
    expect(run.exitCode).toBe(16);
  }));

test('an interrupted restore ends with 128 + the signal and leaves nothing', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage([{ pageCount: 64 }]);
    const image = await fileOf(folder, 'image', bytes);
    const signal = AbortSignal.abort(new Interrupted('SIGINT', 2));
    const run = await runCommand(['restore', image, '--into', `file:${path.join(folder, 'out')}`], signal);
    expect(run.exitCode).toBe(130);
    expect(await readdir(folder)).toEqual(['image']);
  }));

test('what is nowhere, or is no image', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage([{ pageCount: 4 }]);
    const image = await fileOf(folder, 'image', bytes);
    expect((await runCommand(['restore', image])).exitCode).toBe(2);
    expect((await runCommand(['restore', image, '--into', 'somewhere'])).exitCode).toBe(2);
    expect((await runCommand(['restore', image, '--into', 'qemu'])).stderr).toContain('which machine?');
    expect((await runCommand(['restore', folder, '--into', 'memory'])).exitCode).toBe(16);
    expect((await runCommand(['restore', `${image}.no`, '--into', 'memory'])).exitCode).toBe(16);
  }));

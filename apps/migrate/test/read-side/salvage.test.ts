import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { walkFrames } from '@stillframe/page-stream';
import { describe, expect, test } from 'vitest';
import { LOST_STATE_KIND } from '../../src/salvage-image.ts';
import { copyOf, encodeChunked, type Memory, opened, PAGE, someMemory, storedChain } from './chain-files.ts';
import { fileOf, flipped, inFolder, simulatedImage } from './image-files.ts';
import { type Outcome, runCommand } from './run-command.ts';

function lostOf(run: Outcome) {
  return run
    .lines()
    .filter(({ type }) => type === 'lost')
    .map(({ region, firstPage, pageCount }) => ({ region, firstPage, pageCount }));
}

/** `memory` with zeros where `lost` says. */
function without(memory: Memory, lost: ReturnType<typeof lostOf>): Memory {
  const rest = copyOf(memory);
  for (const { region, firstPage, pageCount } of lost) {
    const from = Number(firstPage) * PAGE;
    (region === 0 ? rest.heap : rest.stack).fill(0, from, from + Number(pageCount) * PAGE);
  }
  return rest;
}

function expectPages(bytes: Uint8Array, { heap, stack }: Memory): void {
  const image = opened(bytes);
  for (const [region, memory] of [heap, stack].entries()) {
    const pages = new Uint8Array(memory.length);
    image.readPages(region, 0, pages);
    expect(Buffer.compare(pages, memory)).toBe(0);
  }
}

/** Where the guest state begins: behind the regions. */
function stateOffset(bytes: Uint8Array): number {
  const frames = walkFrames((offset, length) => bytes.subarray(offset, offset + length));
  return [...frames].find(({ typeName }) => typeName === 'GUEST_STATE')!.offset;
}

/** What salvages `damaged`, and the image that came of it. */
async function salvage(folder: string, damaged: Uint8Array) {
  const source = await fileOf(folder, 'damaged', damaged);
  const out = path.join(folder, 'rest');
  const run = await runCommand(['salvage', source, '--out', out, '--json']);
  return { run, out, bytes: await readFile(out), source };
}

describe('salvage', () => {
  test('one damaged chunk costs its pages, and they are named', () =>
    inFolder(async (folder) => {
      const memory = someMemory();
      const bytes = await encodeChunked(memory, { method: 'lz4' });
      const { frameOffset } = opened(bytes).locate(0, 70);
      const { run, out, bytes: rest } = await salvage(folder, flipped(bytes, frameOffset + 1200));
      expect(run.exitCode).toBe(13);
      const lost = lostOf(run);
      expect(lost).toHaveLength(1);
      expect(lost[0]!.pageCount).toBe(16);
      expectPages(rest, without(memory, lost));
      const report = JSON.parse(await readFile(`${out}.lost.json`, 'utf8'));
      expect(report).toMatchObject({
        lostVersion: 1,
        lostPages: 16,
        stateLost: false,
        digestOfSource: 'unknown',
        regions: [{ id: 0, name: 'heap', pageSize: PAGE, runs: [{ firstPage: lost[0]!.firstPage }] }],
      });
      expect(report.streamId).toBe(run.lines().at(-1)!['streamId']);
      expect((await stat(`${out}.lost.json`)).mode & 0o777).toBe(0o600);
      for (const command of [['verify'], ['inspect'], ['restore', '--into', 'memory']]) {
        // oxlint-disable-next-line no-await-in-loop -- one command after the other
        const read = await runCommand([command[0]!, out, ...command.slice(1)]);
        expect(read.exitCode).toBe(0);
        expect(read.stderr).toContain(`${out} was salvaged: 16 pages of it are lost and read as zeros`);
      }
      // Another image under the name has nothing to do with it.
      await fileOf(folder, 'rest', await encodeChunked(memory));
      expect((await runCommand(['verify', out])).stderr).not.toContain('salvaged');
      await fileOf(folder, 'rest.lost.json', Buffer.from('{'));
      expect((await runCommand(['verify', out])).stderr).toContain('was salvaged: parts of it');
    }));

  test('damage behind the regions: every page is right or named, whatever the bit', { timeout: 60_000 }, () =>
    inFolder(async (folder) => {
      const memory = someMemory();
      const bytes = await encodeChunked(memory, { method: 'lz4', sameAs: true });
      const step = Math.floor(bytes.length / 60) | 1;
      for (let at = stateOffset(bytes); at < bytes.length; at += step) {
        // oxlint-disable no-await-in-loop -- one file after the other
        const { run, out, bytes: rest } = await salvage(folder, flipped(bytes, at));
        expectPages(rest, without(memory, lostOf(run)));
        const names = await readdir(folder);
        await rm(out);
        // oxlint-enable no-await-in-loop
        expect(names.includes('rest.lost.json'), `report, bit at ${at}`).toBe(run.exitCode === 13);
      }
    }),
  );

  test('damage of the header or the regions: nothing is saved, nothing is left', () =>
    inFolder(async (folder) => {
      const bytes = await encodeChunked(someMemory());
      for (let at = 0; at < stateOffset(bytes); at += 13) {
        // oxlint-disable-next-line no-await-in-loop -- one file after the other
        const source = await fileOf(folder, 'damaged', flipped(bytes, at));
        // oxlint-disable-next-line no-await-in-loop -- as above
        const run = await runCommand(['salvage', source, '--out', path.join(folder, 'rest'), '--json']);
        expect(run.exitCode, `bit at ${at}`).toBe(13);
      }
      expect(await readdir(folder)).toEqual(['damaged']);
    }));

  test('a cut image keeps what came before the cut', () =>
    inFolder(async (folder) => {
      const memory = someMemory();
      const bytes = await encodeChunked(memory);
      const source = await fileOf(folder, 'damaged', bytes);
      const { frameOffset } = opened(bytes).locate(0, 128);
      await truncate(source, frameOffset + 500);
      const out = path.join(folder, 'rest');
      const run = await runCommand(['salvage', source, '--out', out, '--json']);
      expect(run.exitCode).toBe(13);
      expectPages(await readFile(out), without(memory, lostOf(run)));
      expect(run.lines().at(-1)).toMatchObject({ outcome: 'lost', digestOfSource: 'unknown' });
    }));

  test('a lost state is named, and no oracle takes the image', () =>
    inFolder(async (folder) => {
      const memory = someMemory();
      const bytes = await encodeChunked(memory);
      // The state is the last before the pages.
      const { frameOffset } = opened(bytes).locate(0, 0);
      const { run, bytes: rest } = await salvage(folder, flipped(bytes, frameOffset - 8));
      expect(run.exitCode).toBe(13);
      expect(run.lines().at(-1)).toMatchObject({ lostPages: 0, stateLost: true });
      expect(opened(rest).readState().kind).toBe(LOST_STATE_KIND);
      expectPages(rest, memory);
    }));

  test('nothing is lost: no report, and an old one goes', () =>
    inFolder(async (folder) => {
      const memory = someMemory();
      const bytes = await encodeChunked(memory);
      await writeFile(path.join(folder, 'rest.lost.json'), 'of another time');
      const { run, bytes: rest } = await salvage(folder, flipped(bytes, bytes.length - 72 - 30));
      expect(run.exitCode).toBe(0);
      expect(run.lines().at(-1)).toMatchObject({ outcome: 'done', lostPages: 0, digestOfSource: 'matches' });
      expectPages(rest, memory);
      expect(await readdir(folder)).not.toContain('rest.lost.json');
    }));

  test('without its parent an increment keeps its own pages; with it all', () =>
    inFolder(async (folder) => {
      const { memory, paths } = await storedChain(folder);
      const out = path.join(folder, 'rest');
      const whole = await runCommand(['salvage', paths[2], '--out', out, '--json']);
      expect(whole.exitCode).toBe(0);
      expectPages(await readFile(out), memory);
      await rm(paths[1]);
      const alone = await runCommand(['salvage', paths[2], '--out', out, '--json']);
      expect(alone.exitCode).toBe(13);
      expect(alone.stderr).toContain('what the image takes from its parent is lost');
      expectPages(await readFile(out), without(memory, lostOf(alone)));
      // A page of zeros is its own; one that differs a little from the parent's is not.
      expect(alone.lines().at(-1)).toMatchObject({ lostPages: 183 });
    }));

  test('an image without chunks loses whole frames', () =>
    inFolder(async (folder) => {
      const { bytes, memory } = await simulatedImage([{ name: 'heap', pageCount: 64 }]);
      const source = await fileOf(folder, 'damaged', flipped(bytes, bytes.length - 5 * PAGE));
      const run = await runCommand(['salvage', source, '--out', path.join(folder, 'rest'), '--json']);
      expect(run.exitCode).toBe(13);
      const lost = lostOf(run);
      expect(lost.length).toBeGreaterThan(0);
      const rest = memory[0]!.slice();
      for (const { firstPage, pageCount } of lost) {
        rest.fill(0, Number(firstPage) * PAGE, (Number(firstPage) + Number(pageCount)) * PAGE);
      }
      const pages = new Uint8Array(rest.length);
      opened(await readFile(path.join(folder, 'rest'))).readPages(0, 0, pages);
      expect(Buffer.compare(pages, rest)).toBe(0);
    }));

  test('what is no image, and no place to put one', () =>
    inFolder(async (folder) => {
      const text = await fileOf(
        folder,
        'text',
        Buffer.from('This is not an image, but long enough for a head.'),
      );
      const run = await runCommand(['salvage', text, '--out', path.join(folder, 'rest')]);
      expect(run.exitCode).toBe(13);
      expect(run.stderr).toContain('STREAM_BAD_MAGIC');
      expect((await runCommand(['salvage', text])).exitCode).toBe(2);
      expect(await readdir(folder)).toEqual(['text']);
    }));
});

describe('verify of a damaged image', () => {
  test('names the pages that are lost', () =>
    inFolder(async (folder) => {
      const bytes = await encodeChunked(someMemory(), { method: 'lz4' });
      const frames = [10, 100].map((page) => opened(bytes).locate(0, page).frameOffset);
      const damaged = frames.reduce((image, frameOffset) => flipped(image, frameOffset + 1200), bytes);
      const source = await fileOf(folder, 'damaged', damaged);
      const run = await runCommand(['verify', source, '--json']);
      expect(run.exitCode).toBe(13);
      expect(lostOf(run)).toHaveLength(2);
      expect(run.lines()).toContainEqual(expect.objectContaining({ type: 'damaged', lostPages: 32 }));
      const text = await runCommand(['verify', source]);
      expect(text.stderr).toMatch(/32 pages are lost/);
      expect(text.stderr).toMatch(/heap: 32 of 160 pages lost: \d+–\d+, \d+–\d+/);
    }));
});

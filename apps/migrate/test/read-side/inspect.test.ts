import { truncate } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { fileOf, flipped, inFolder, simulatedImage } from './image-files.ts';
import { runCommand } from './run-command.ts';

const REGIONS = [
  { name: 'heap', pageCount: 40, touchedPages: 10 },
  { name: 'stack', pageCount: 8 },
];
const HEADER_BYTES = 32;

test('the summary has header, regions, state, tallies, totals and digest', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage(REGIONS);
    const run = await runCommand(['inspect', await fileOf(folder, 'image', bytes), '--json']);
    expect(run.exitCode).toBe(0);
    const summary = run.lines().at(-1)!;
    expect(summary).toMatchObject({
      type: 'summary',
      outcome: 'done',
      version: 1,
      streamId: '07'.repeat(16),
      bytes: bytes.byteLength,
      regions: [
        { id: 0, name: 'heap', sizeBytes: 40 * 4096, pageSize: 4096 },
        { id: 1, name: 'stack', sizeBytes: 8 * 4096, pageSize: 4096 },
      ],
      state: { kind: 'simulated@1', sizeBytes: 8 },
      pages: 48,
      zeroPages: 30,
      dataBytes: 18 * 4096,
    });
    expect(summary['digest']).toMatch(/^[0-9a-f]{16}$/);
  }));

test('every byte belongs to one of the frames that --frames lists', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage(REGIONS);
    const run = await runCommand(['inspect', await fileOf(folder, 'image', bytes), '--frames', '--json']);
    const frames = run.lines().filter(({ type }) => type === 'frame');
    let next = 0;
    for (const frame of frames) {
      expect(frame['offset']).toBe(next);
      next += Number(frame['frameBytes']);
    }
    expect(next).toBe(bytes.byteLength);
    expect(frames.map(({ frame }) => frame).slice(0, 3)).toEqual([
      'STREAM_HEADER',
      'REGION_TABLE',
      'GUEST_STATE',
    ]);
    expect(frames.at(-1)).toMatchObject({ frame: 'END', digest: run.lines().at(-1)!['digest'] });
  }));

test('the text names what the summary has', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage(REGIONS);
    const run = await runCommand(['inspect', await fileOf(folder, 'image', bytes)]);
    for (const word of ['heap', 'stack', 'simulated@1', '48, 30 of them zero'])
      expect(run.stdout).toContain(word);
  }));

test('a cut anywhere is corrupt, with the offset of the frame that is not whole', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage(REGIONS);
    const path = await fileOf(folder, 'image', bytes);
    const whole = await runCommand(['inspect', path, '--frames', '--json']);
    const frames = whole.lines().filter(({ type }) => type === 'frame');
    for (const frame of frames.toReversed()) {
      const offset = Number(frame['offset']);
      // One byte short, only the header, half of it, and nothing of the frame.
      for (const kept of [Number(frame['frameBytes']) - 1, HEADER_BYTES, HEADER_BYTES / 2, 0]) {
        // oxlint-disable no-await-in-loop -- the same file, shorter each time
        await truncate(path, offset + kept);
        const run = await runCommand(['inspect', path, '--json']);
        // oxlint-enable no-await-in-loop
        expect(run.exitCode, `cut at ${offset + kept}`).toBe(13);
        expect(run.lines()).toContainEqual({
          type: 'damage',
          streamCode: 'STREAM_TRUNCATED',
          byteOffset: offset,
        });
        expect(run.lines().at(-1)).toMatchObject({ type: 'summary', outcome: 'corrupt', exitCode: 13 });
      }
    }
  }));

test('a flipped bit in a frame header or in what comes before the pages is corrupt', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage(REGIONS);
    const whole = await runCommand(['inspect', await fileOf(folder, 'image', bytes), '--frames', '--json']);
    const pages = whole.lines().find(({ frame }) => frame === 'PAGES')!;
    const first = Number(pages['offset']);
    const places = [
      ...Array.from({ length: HEADER_BYTES }, (_, at) => first + at),
      0,
      HEADER_BYTES + 1,
      first - 1,
    ];
    for (const offset of places) {
      // oxlint-disable no-await-in-loop -- one file after the other
      const run = await runCommand(['inspect', await fileOf(folder, 'flipped', flipped(bytes, offset))]);
      // oxlint-enable no-await-in-loop
      expect(run.exitCode, `bit at ${offset}`).toBe(13);
      expect(run.stderr).toMatch(/damage STREAM_\w+ at byte \d+/);
    }
  }));

test('bytes after the end are corrupt', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage(REGIONS);
    const twice = await fileOf(folder, 'twice', Buffer.concat([bytes, bytes]));
    const run = await runCommand(['inspect', twice]);
    expect(run.exitCode).toBe(13);
    expect(run.stderr).toContain(`damage STREAM_TRAILING_BYTES at byte ${bytes.byteLength}\n`);
  }));

test('an empty file, a text, a directory, nothing', () =>
  inFolder(async (folder) => {
    const empty = await fileOf(folder, 'empty', new Uint8Array(0));
    const text = await fileOf(
      folder,
      'text',
      Buffer.from('This is not an image, but it is long enough for a header.'),
    );
    expect((await runCommand(['inspect', empty])).exitCode).toBe(13);
    const notAnImage = await runCommand(['inspect', text]);
    expect(notAnImage.exitCode).toBe(13);
    expect(notAnImage.stderr).toContain('damage STREAM_BAD_MAGIC at byte 0\n');
    const directory = await runCommand(['inspect', folder]);
    expect(directory.exitCode).toBe(16);
    expect(directory.stderr).toContain('is not a file');
    expect((await runCommand(['inspect', `${folder}/missing`])).exitCode).toBe(16);
    expect((await runCommand(['inspect'])).exitCode).toBe(2);
  }));

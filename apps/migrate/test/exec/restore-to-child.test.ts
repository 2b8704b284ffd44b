import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { fileOf, inFolder, simulatedImage } from '../read-side/image-files.ts';
import { runCommand } from '../read-side/run-command.ts';

const reader = path.join(import.meta.dirname, 'children', 'reader.mjs');

test('a child gets the image, and its exit code is ours', () =>
  inFolder(async (folder) => {
    const { bytes, memory } = await simulatedImage([{ name: 'heap', pageCount: 6, touchedPages: 3 }]);
    const image = await fileOf(folder, 'image', bytes);
    const report = path.join(folder, 'report.json');
    const run = await runCommand([
      'restore',
      image,
      '--into',
      'exec',
      '--json',
      '--',
      'node',
      reader,
      report,
    ]);
    expect(run.lines().at(-1)).toMatchObject({
      type: 'summary',
      outcome: 'done',
      into: 'exec',
      child: { code: 3, signal: null },
    });
    expect(run.exitCode).toBe(3);
    const seen = JSON.parse(await readFile(report, 'utf8'));
    const firstBytes = Array.from({ length: 6 }, (_, page) => memory[0]![page * 4096]);
    expect(seen).toMatchObject({ names: ['heap'], firstBytes: [firstBytes] });
  }));

test('a child that dies of a signal is told as a shell does', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage([{ name: 'heap', pageCount: 1 }]);
    const image = await fileOf(folder, 'image', bytes);
    const run = await runCommand(['restore', image, '--into', 'exec', '--', 'sh', '-c', 'kill -TERM $$']);
    expect(run.exitCode).toBe(128 + 15);
  }));

test('a command without exec, and exec without a command, are mistakes', async () => {
  const forgotten = await runCommand(['restore', 'image', '--into', 'exec']);
  expect(forgotten.exitCode).toBe(2);
  expect(forgotten.stderr).toContain('which program?');
  const stray = await runCommand(['restore', 'image', 'another', '--into', 'memory']);
  expect(stray.exitCode).toBe(2);
  expect(stray.stderr).toContain('A command goes with --into exec');
});

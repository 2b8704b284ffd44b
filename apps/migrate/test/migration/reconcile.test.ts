import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { handOverFile, settleRecord } from '../../src/migration/hand-over-file.ts';
import { runCommand } from '../read-side/run-command.ts';

const THIS = new Uint8Array(16).fill(1);
const OTHER = new Uint8Array(16).fill(2);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'reconcile-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (name: string) => path.join(folder, name);

it.each([
  ['owner', 'prepared', 'source', 0],
  ['relinquished', 'prepared', 'destination', 0],
  ['relinquished', 'owner', 'destination', 0],
  ['relinquished', 'dropped', 'source', 0],
  ['relinquished', 'none', 'unknown', 20],
] as const)(
  'a source that is %s and a destination that is %s: %s',
  async (source, destination, owner, code) => {
    await handOverFile('source', file('s'), () => THIS).write(source);
    await handOverFile('destination', file('d'), () => THIS).write(destination);
    expect((await readdir(folder)).toSorted()).toEqual(['d', 's']);
    const outcome = await runCommand(['reconcile', file('d'), file('s'), '--json']);
    expect(outcome.exitCode).toBe(code);
    expect(outcome.lines().at(-1)).toMatchObject({ type: 'summary', owner, source, destination });
  },
);

it.each([
  // Each would be taken for the destination's guest, if the two were of one migration.
  ['owner', 'owner', 'source', 0],
  ['owner', 'prepared', 'source', 0],
  ['relinquished', 'owner', 'unknown', 20],
] as const)(
  'a source that is %s, and a destination that was %s in another migration: %s',
  async (source, destination, owner, code) => {
    await handOverFile('destination', file('d'), () => OTHER).write(destination);
    await handOverFile('source', file('s'), () => THIS).write(source);
    const outcome = await runCommand(['reconcile', file('s'), file('d'), '--json']);
    expect(outcome.lines().at(-1)).toMatchObject({ owner, sameMigration: false });
    expect(outcome.stderr).toContain('another migration');
    expect(outcome.exitCode).toBe(code);
  },
);

const MOVE = 'source --to 127.0.0.1:1 --workload counter,size=1MiB --before-ms 0 --mode precopy'.split(' ');
const move = (record: string) => runCommand([...MOVE, '--record', record]);

it('a source begins with its own word, and is told before anything moves when it cannot', async () => {
  await settleRecord(file('s'), OTHER);
  expect((await move(file('s'))).exitCode).toBe(11);
  await handOverFile('destination', file('d'), () => OTHER).write('owner');
  expect((await runCommand(['reconcile', file('s'), file('d')])).stdout).toContain('owner         source');
  const nowhere = await move(path.join(folder, 'gone', 'record'));
  expect(nowhere.exitCode).toBe(16);
  expect(nowhere.stderr).not.toContain('starting');
});

it('a record that alone tells how a migration may have ended is not written over, nor is what is none', async () => {
  await handOverFile('source', file('s'), () => THIS).write('relinquished');
  await writeFile(file('x'), 'my thesis');
  for (const [name, code] of [
    ['s', 15],
    ['x', 2],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const [before, outcome] = [await readFile(file(name)), await move(file(name))];
    expect(outcome.exitCode).toBe(code);
    expect(outcome.stderr).not.toContain('starting');
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await readFile(file(name))).toEqual(before);
  }
});

it.each(['none', 'dropped'] as const)('what is settled needs no other word: %s', async (word) => {
  await settleRecord(file('s'), THIS);
  await handOverFile('destination', file('d'), () => THIS).write(word);
  const outcome = await runCommand(['reconcile', file('s'), file('d')]);
  expect(outcome.stdout).toContain('owner         destination');
  expect(outcome.exitCode).toBe(0);
});

it('keeps the last word', async () => {
  const record = handOverFile('source', file('s'), () => THIS);
  await record.write('relinquished');
  await record.write('owner');
  await handOverFile('destination', file('d'), () => THIS).write('prepared');
  expect((await runCommand(['reconcile', file('s'), file('d')])).stdout).toContain('owner         source');
});

it('refuses what is no record, and two of the same side', async () => {
  await writeFile(file('x'), '{"side":"source"}');
  await handOverFile('source', file('s'), () => THIS).write('owner');
  for (const [other, code] of [
    ['x', 2],
    ['s', 2],
    ['gone', 16],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect((await runCommand(['reconcile', file('s'), file(other)])).exitCode).toBe(code);
  }
});

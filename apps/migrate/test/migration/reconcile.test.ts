import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { handOverFile } from '../../src/migration/hand-over-file.ts';
import { runCommand } from '../read-side/run-command.ts';

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
    await handOverFile('source', file('s')).write(source);
    await handOverFile('destination', file('d')).write(destination);
    expect((await readdir(folder)).toSorted()).toEqual(['d', 's']);
    const outcome = await runCommand(['reconcile', file('d'), file('s'), '--json']);
    expect(outcome.exitCode).toBe(code);
    expect(outcome.lines().at(-1)).toMatchObject({ type: 'summary', owner, source, destination });
  },
);

it('keeps the last word', async () => {
  const record = handOverFile('source', file('s'));
  await record.write('relinquished');
  await record.write('owner');
  await handOverFile('destination', file('d')).write('prepared');
  expect((await runCommand(['reconcile', file('s'), file('d')])).stdout).toContain('owner         source');
});

it('refuses what is no record, and two of the same side', async () => {
  await writeFile(file('x'), '{"side":"source"}');
  await handOverFile('source', file('s')).write('owner');
  for (const [other, code] of [
    ['x', 2],
    ['s', 2],
    ['gone', 16],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect((await runCommand(['reconcile', file('s'), file(other)])).exitCode).toBe(code);
  }
});

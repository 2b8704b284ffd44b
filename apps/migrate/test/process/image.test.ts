import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { mainFile, migrate, startDest } from '../e2e/child.ts';
import { imagePlace, makeFolder } from '../e2e/folder.ts';
import { conditionOf } from './condition.ts';
import { CoreFile } from './core-file.ts';
import { expectGoesOn } from './live.ts';
import { judgeStamps } from './stamp-oracle.ts';
import { needProcesses } from './needs.ts';
import { startTarget, type Target } from './target.ts';

const run = promisify(execFile);
const WRITERS = { threads: 3, pages: 64, pauseUs: 200 };

/** Makes a core of an image, and judges it. */
async function expectCoreOf(image: string, target: Target): Promise<void> {
  const core = path.join(await makeFolder(), 'core');
  expect(await migrate('core', '--from', image, '--out', core).exit).toMatchObject({
    code: 0,
    summary: { outcome: 'done', path: core, verified: false },
  });
  expect(judgeStamps(new CoreFile(core), target.ready.memory, 'prefix').wrong).toEqual([]);
}

test('a snapshot of a process: digest only, inspect tells what is in, and a core can be made of it', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  const before = await conditionOf(target.pid);
  const { image, names } = await imagePlace();
  const snapshot = await migrate('snapshot', '--out', image, '--pid', String(target.pid), '--verify').exit;
  // There is no oracle for a foreign process, so nobody calls it verified.
  expect(snapshot).toMatchObject({
    code: 0,
    summary: { outcome: 'done', path: image, pid: target.pid, threads: 4, verified: false },
  });
  expect(await names()).toEqual(['image.sfp']);
  await expectGoesOn(target, before);

  expect(await migrate('verify', image).exit).toMatchObject({
    code: 0,
    summary: { digest: snapshot.summary?.['digest'], verified: false },
  });
  const inspected = await migrate('inspect', image).exit;
  expect(inspected.summary).toMatchObject({
    process: {
      pid: target.pid,
      command: expect.stringMatching(/writers 3 64 200$/),
      threads: [{ tid: target.pid, comm: 'writers' }, {}, {}, {}],
      filter: ['anonymous', 'shared', 'elf-headers', 'hugetlb'],
      includesDontDump: false,
      memory: expect.arrayContaining([
        expect.objectContaining({ kind: 'vvar', inBytes: 0 }),
        expect.objectContaining({ kind: 'stack', mappings: 1 }),
      ]),
    },
  });
  await expectCoreOf(image, target);
});

test('the text of inspect names the process, its threads and what was left out', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  const { image } = await imagePlace();
  expect(await migrate('snapshot', '--out', image, '--pid', String(target.pid)).exit).toMatchObject({
    code: 0,
  });
  const { stdout } = await run(process.execPath, [mainFile, 'inspect', image]);
  for (const words of [
    `${target.pid}, `,
    'threads       4: ',
    'left out',
    ' in\n',
    'anonymous, shared, elf-headers, hugetlb',
  ]) {
    expect(stdout).toContain(words);
  }
});

test('a process goes over TCP to a destination that keeps it', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  const before = await conditionOf(target.pid);
  const { image } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once');
  const source = await migrate('source', '--to', dest.to, '--pid', String(target.pid)).exit;
  expect(source).toMatchObject({ code: 0, summary: { outcome: 'done', pid: target.pid, verified: false } });
  expect(await dest.child.exit).toMatchObject({ code: 0, summary: { into: image, verified: false } });
  await expectGoesOn(target, before);
  await expectCoreOf(image, target);
});

test('the filter says what is in', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  const { image } = await imagePlace();
  const fileBytesIn = async (...filter: readonly string[]) => {
    const args = ['--out', image, '--pid', String(target.pid), ...filter];
    expect(await migrate('snapshot', ...args).exit).toMatchObject({ code: 0 });
    const { stdout } = await run(process.execPath, [mainFile, 'inspect', image, '--json']);
    return Number(/"kind":"private-file","mappings":\d+,"sizeBytes":\d+,"inBytes":(\d+)/.exec(stdout)?.[1]);
  };
  const usual = await fileBytesIn();
  expect(await fileBytesIn('--filter', 'anonymous')).toBeLessThan(usual);
  expect(await fileBytesIn('--filter', 'anonymous,private-file')).toBeGreaterThan(usual);
});

test('a pipe gets the whole core, and no file is left', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  const folder = await makeFolder();
  const spill = await makeFolder();
  const args = ['core', '--pid', String(target.pid), '--out', '-', '--spill-directory', spill];
  const child = spawn(process.execPath, [mainFile, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  const file = path.join(folder, 'core');
  await pipeline(child.stdout, createWriteStream(file));
  expect(await exited).toEqual([0, null]);
  expect(judgeStamps(new CoreFile(file), target.ready.memory, 'prefix').wrong).toEqual([]);
  expect(await readdir(spill)).toEqual([]);
});

test('only an image of a process becomes a core', async (context) => {
  needProcesses(context);
  const { image, names } = await imagePlace();
  const around = ['--before-ms', '10', '--after-ms', '0'];
  await migrate('snapshot', '--out', image, '--workload', 'counter,size=2MiB', ...around).exit;
  const core = await migrate('core', '--from', image, '--out', path.join(path.dirname(image), 'core')).exit;
  expect(core).toMatchObject({
    code: 15,
    summary: { outcome: 'refused' },
    stderr: expect.stringContaining('workload/counter'),
  });
  expect(await names()).toEqual(['image.sfp']);
});

test('a damaged image becomes no core', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  const { image, names } = await imagePlace();
  await migrate('snapshot', '--out', image, '--pid', String(target.pid)).exit;
  const bytes = await readFile(image);
  bytes[bytes.length >> 1]! ^= 1;
  const damaged = path.join(await makeFolder(), 'damaged');
  await writeFile(damaged, bytes);
  const core = path.join(path.dirname(image), 'core');
  expect(await migrate('core', '--from', damaged, '--out', core).exit).toMatchObject({ code: 13 });
  expect(await names()).toEqual(['image.sfp']);
});

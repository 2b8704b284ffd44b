import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { conditionOf } from './condition.ts';
import { CoreFile } from './core-file.ts';
import { corePlace, expectGoesOn, expectRightOrNothing } from './live.ts';
import { judgeStamps } from './stamp-oracle.ts';
import { needProcesses } from './needs.ts';
import { startTarget } from './target.ts';

/** So slow that whatever the process does meanwhile happens in the middle. */
const SLOWLY = ['--limiter', 'token-bucket,rate=4MiB/s,burst=64KiB'];
const WRITERS = { threads: 2, pages: 512, pauseUs: 2000 };

test.for(['fresh', 'brk'])(
  'memory that comes after the cut (%s) may come and go, and is not in the picture',
  async (what, context) => {
    needProcesses(context);
    const target = await startTarget('churn', WRITERS, [what]);
    await target.warm();
    const before = await conditionOf(target.pid);
    const { file, start } = await corePlace(target.pid, ...SLOWLY);
    const child = start();
    await child.line('phase', { phase: 'stream' });
    await target.begin();
    expect(child.lines.at(-1)).not.toMatchObject({ type: 'summary' });
    expect(await child.exit).toMatchObject({ code: 0, summary: { outcome: 'done' } });
    expect(judgeStamps(new CoreFile(file), target.ready.memory, 'prefix').wrong).toEqual([]);
    await target.goesOn();
    const { threads, ...after } = await conditionOf(target.pid);
    // The disturbance is one of its threads.
    expect({ threads: threads - 1, ...after }).toEqual(before);
    expect(await target.check()).toEqual({ ok: true, why: '' });
  },
);

/** What is right for a process that takes memory away which has not been captured yet. */
test.for(['unmap', 'remap', 'discard', 'free'])(
  'a process that takes memory away (%s): the picture is right, or fails and says why',
  async (what, context) => {
    needProcesses(context);
    const target = await startTarget('churn', WRITERS, [what]);
    const before = await conditionOf(target.pid);
    const { file, folder, start } = await corePlace(target.pid);
    const exit = await start().exit;
    expectRightOrNothing(exit, target, { file, names: await readdir(folder) });
    await expectGoesOn(target, before);
    expect(await target.check()).toEqual({ ok: true, why: '' });
  },
);

test('a process that ends in the middle ends the picture, and nothing is kept', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  const { folder, start } = await corePlace(target.pid, ...SLOWLY);
  const child = start();
  await child.line('phase', { phase: 'stream' });
  await target.exit();
  expect(await child.exit).toMatchObject({
    code: 14,
    summary: { outcome: 'not-converged' },
    stderr: expect.stringMatching(/process \d+ has ended/),
  });
  expect(await readdir(folder)).toEqual([]);
});

test('a process that runs another program in the middle ends the picture, and goes on', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  const { folder, start } = await corePlace(target.pid, ...SLOWLY);
  const child = start();
  await child.line('phase', { phase: 'stream' });
  await target.exec();
  expect(await child.exit).toMatchObject({
    code: 14,
    summary: { outcome: 'not-converged' },
    stderr: expect.stringMatching(/process \d+ runs another program/),
  });
  expect(await readdir(folder)).toEqual([]);
  await target.goesOn();
  expect(await conditionOf(target.pid)).toMatchObject({ tracerPid: 0, watchedMappings: 0 });
  expect(await target.check()).toEqual({ ok: true, why: '' });
});

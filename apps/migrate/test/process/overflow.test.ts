import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { conditionOf } from './condition.ts';
import { corePlace, expectCut, expectGoesOn } from './live.ts';
import { needProcesses } from './needs.ts';
import { startTarget } from './target.ts';

/** More pages than the store has room for, met by the writers before the sweep comes. */
const WRITERS = { threads: 2, pages: 2048, pauseUs: 0 };
const SLOWLY = ['--limiter', 'token-bucket,rate=2MiB/s,burst=64KiB'];

test('a store that is too small spills to a file', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  await target.warm();
  const { exit } = await expectCut(target, {
    args: ['--pre-images-max', '2MiB', '--overflow', 'spill', ...SLOWLY],
  });
  expect(exit.summary?.['spilledBytesMax']).toBeGreaterThan(0);
});

test.for([
  ['2MiB', 'a store that is too small'],
  ['0', 'no store'],
])('with --pre-images-max %s (%s) the writers wait for the file', async ([size], context) => {
  needProcesses(context);
  const target = await startTarget('writers', { ...WRITERS, pages: 512 });
  await target.warm();
  const { exit } = await expectCut(target, { args: ['--pre-images-max', size!, '--overflow', 'stall'] });
  expect(exit.summary).toMatchObject({ outcome: 'done', spilledBytesMax: 0 });
});

test('with --overflow abort the picture ends, and the process goes on', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  await target.warm();
  const before = await conditionOf(target.pid);
  const { folder, start } = await corePlace(
    target.pid,
    '--pre-images-max',
    '1MiB',
    '--overflow',
    'abort',
    ...SLOWLY,
  );
  expect(await start().exit).toMatchObject({ code: 14, summary: { outcome: 'not-converged' } });
  expect(await readdir(folder)).toEqual([]);
  await expectGoesOn(target, before);
  expect(await target.check()).toEqual({ ok: true, why: '' });
});

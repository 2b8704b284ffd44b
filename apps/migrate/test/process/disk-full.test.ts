import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { needMounts, onSmallDisk } from '../e2e/small-disk.ts';
import { makeFolder } from '../e2e/folder.ts';
import { conditionOf } from './condition.ts';
import { expectGoesOn } from './live.ts';
import { needProcesses } from './needs.ts';
import { startTarget } from './target.ts';

test('the disk is full: no core, and the process goes on', async (context) => {
  needProcesses(context);
  needMounts(context);
  const target = await startTarget('writers', { threads: 2, pages: 2048, pauseUs: 100 });
  await target.warm();
  const before = await conditionOf(target.pid);
  const folder = await makeFolder();
  const exit = await onSmallDisk(folder, 'core', '--pid', String(target.pid), '--out', `${folder}/core`).exit;
  expect(exit).toMatchObject({
    code: 16,
    summary: { outcome: 'local-io' },
    stderr: expect.stringContaining('ENOSPC'),
  });
  expect(exit.lines.findLast(({ type }) => type === 'process')).toMatchObject({ state: 'running' });
  expect(await readdir(folder)).toEqual([]);
  await expectGoesOn(target, before);
  expect(await target.check()).toEqual({ ok: true, why: '' });
});

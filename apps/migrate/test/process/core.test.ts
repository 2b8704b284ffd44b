import { expect, test } from 'vitest';
import { needUserfaultfd } from '../e2e/userfaultfd.ts';
import { expectCut } from './live.ts';
import { startTarget } from './target.ts';

test('threads that write as fast as they can are cut at one instant', async (context) => {
  needUserfaultfd(context);
  const target = await startTarget('writers', { threads: 4, pages: 2048, pauseUs: 0 });
  await target.warm();
  const { exit, core } = await expectCut(target);
  expect(exit.summary).toMatchObject({
    threads: 5,
    attachPauseMs: expect.any(Number),
    faults: expect.any(Number),
  });
  expect(exit.summary?.['faults']).toBeGreaterThan(0);
  expect(core.segments.length).toBeGreaterThan(0);
});

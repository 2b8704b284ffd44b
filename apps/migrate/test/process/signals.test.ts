import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Exit } from '../e2e/child.ts';
import { conditionOf } from './condition.ts';
import { corePlace, expectGoesOn } from './live.ts';
import { needProcesses } from './needs.ts';
import { startTarget } from './target.ts';

const SLOWLY = ['--limiter', 'token-bucket,rate=1MiB/s,burst=64KiB'];
/** At this rate of the sweep, whatever happens at `stream` happens in the middle. */
const WRITERS = { threads: 2, pages: 512, pauseUs: 500 };

// Those of the pause are told after it, all at once.
const PHASES = ['prepare', 'pause', 'arm', 'resume', 'stream'];

/** Starts a picture and signals it at `phase`. The process must go on as it was. */
async function signalledAt(phase: string, signal: NodeJS.Signals): Promise<{ exit: Exit; names: string[] }> {
  const target = await startTarget('writers', WRITERS);
  await target.warm();
  const before = await conditionOf(target.pid);
  const { folder, start } = await corePlace(target.pid, ...SLOWLY);
  const child = start();
  await child.line('phase', { phase });
  child.kill(signal);
  const exit = await child.exit;
  await expectGoesOn(target, before);
  expect(await target.check()).toEqual({ ok: true, why: '' });
  return { exit, names: await readdir(folder) };
}

test.for([...PHASES.map((phase) => ['SIGINT', 130, phase] as const), ['SIGTERM', 143, 'stream'] as const])(
  '%s (ends with %i) at %s: nothing is left, and the process goes on as it was',
  async ([signal, code, phase], context) => {
    needProcesses(context);
    const { exit, names } = await signalledAt(phase, signal);
    expect(exit).toMatchObject({ code, summary: { outcome: 'interrupted', verified: false } });
    expect(exit.lines.findLast(({ type }) => type === 'process')).toMatchObject({ state: 'running' });
    expect(names).toEqual([]);
  },
);

test.for(PHASES)('SIGKILL at %s: no core, and the process goes on as it was', async (phase, context) => {
  needProcesses(context);
  const { exit, names } = await signalledAt(phase, 'SIGKILL');
  expect(exit.code).toBe('SIGKILL');
  // Nobody could take the partial file away; it has another name.
  expect(names.filter((name) => !/^\.core\.[0-9a-f]+\.partial$/.test(name))).toEqual([]);
});

test('a picture that is stopped holds the process up for a moment only, and fails when it goes on', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  await target.warm();
  const before = await conditionOf(target.pid);
  const { folder, start } = await corePlace(target.pid, ...SLOWLY);
  const child = start();
  await child.line('phase', { phase: 'stream' });
  child.kill('SIGSTOP');
  // All pages of every writer: none can do that while its faults are not answered.
  await target.warm();
  expect((await conditionOf(target.pid)).watchedMappings).toBe(0);
  child.kill('SIGCONT');
  const exit = await child.exit;
  expect(exit).toMatchObject({ code: 14, summary: { outcome: 'not-converged', verified: false } });
  expect(exit.lines.find(({ type }) => type === 'error')).toMatchObject({
    hint: expect.stringContaining('SIGSTOP'),
  });
  expect(await readdir(folder)).toEqual([]);
  await expectGoesOn(target, before);
  expect(await target.check()).toEqual({ ok: true, why: '' });
});

test('two pictures at once: the second is refused, the first goes on', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', WRITERS);
  // For minutes, if nobody ended it.
  const first = (await corePlace(target.pid, '--limiter', 'token-bucket,rate=16KiB/s,burst=16KiB')).start();
  await first.line('phase', { phase: 'stream' });
  const second = await corePlace(target.pid);
  expect(await second.start().exit).toMatchObject({ code: 15, summary: { outcome: 'refused' } });
  await first.line('progress', {}, first.lines.length);
  // What the tests look for afterwards is there as long as a picture is taken.
  expect((await conditionOf(target.pid)).watchedMappings).toBeGreaterThan(0);
  first.kill('SIGINT');
  expect(await first.exit).toMatchObject({ code: 130 });
  await target.goesOn();
});

test('a picture can be taken again and again', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', { ...WRITERS, pages: 64 });
  const before = await conditionOf(target.pid);
  for (let round = 0; round < 3; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { start } = await corePlace(target.pid);
    // oxlint-disable-next-line no-await-in-loop -- as above
    expect(await start().exit).toMatchObject({ code: 0 });
  }
  await expectGoesOn(target, before);
});

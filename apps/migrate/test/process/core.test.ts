import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { expectCut } from './live.ts';
import { needProcesses, needProgram } from './needs.ts';
import { startScript, startTarget } from './target.ts';

const FEW = { threads: 2, pages: 64, pauseUs: 200 };

test('threads that write as fast as they can are cut at one instant', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', { threads: 3, pages: 512, pauseUs: 0 });
  await target.warm();
  const { exit } = await expectCut(target);
  expect(exit.summary).toMatchObject({
    command: expect.stringMatching(/writers 3 512 0$/),
    threads: 4,
    mappings: expect.any(Number),
    attachPauseMs: expect.any(Number),
    pauseMs: expect.any(Number),
    verified: false,
  });
  expect(exit.summary?.['faults']).toBeGreaterThan(0);
});

test('a process with 500 threads', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', { threads: 500, pages: 2, pauseUs: 50_000 });
  const { exit, core } = await expectCut(target);
  expect(exit.summary).toMatchObject({ threads: 501 });
  const NT_PRSTATUS = 1;
  expect(core.notes.filter(({ name, type }) => name === 'CORE' && type === NT_PRSTATUS)).toHaveLength(501);
});

test('a process with 10,000 mappings', async (context) => {
  needProcesses(context);
  const target = await startTarget('mappings', FEW);
  const { exit, core } = await expectCut(target);
  const count = target.fact('mappings');
  expect(exit.summary?.['mappings']).toBeGreaterThan(count);
  const missing = Array.from({ length: count }, (_, index) => index).filter((index) => {
    const bytes = core.read(target.fact('first') + index * target.fact('stride'), 8);
    return bytes?.readBigUInt64LE() !== 0x5f00_0000_0000_0000n + BigInt(index);
  });
  expect(missing).toEqual([]);
});

test('a reservation of 1 TiB costs nothing', async (context) => {
  needProcesses(context);
  const target = await startTarget('sparse', FEW);
  const { exit, core } = await expectCut(target);
  for (let index = 0; index < target.fact('touched'); index++) {
    const bytes = core.read(target.fact('first') + index * target.fact('stride'), 8);
    expect(bytes?.readBigUInt64LE()).toBe(BigInt(index + 1));
  }
  const { blocks } = statSync(String(exit.summary?.['path']));
  expect(blocks * 512).toBeLessThan(32 * 2 ** 20);
  expect(exit.summary?.['bytes']).toBeLessThan(32 * 2 ** 20);
});

test('a process that forks all the time', async (context) => {
  needProcesses(context);
  const { exit } = await expectCut(await startTarget('fork_storm', FEW));
  expect(exit.summary).toMatchObject({ outcome: 'done' });
});

test('python3 as it is', async (context) => {
  needProcesses(context);
  needProgram(context, 'python3');
  const { exit } = await expectCut(await startScript('python3', 'writers.py', { ...FEW, threads: 3 }), {
    partial: 'mix',
  });
  expect(exit.summary).toMatchObject({ outcome: 'done' });
});

test('node as it is', async (context) => {
  needProcesses(context);
  const { exit } = await expectCut(
    await startScript(process.execPath, 'writers.mjs', { ...FEW, threads: 3 }),
  );
  expect(exit.summary).toMatchObject({ outcome: 'done' });
});

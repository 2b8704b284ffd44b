import path from 'node:path';
import { expect } from 'vitest';
import { type Child, type Exit, migrate } from '../e2e/child.ts';
import { makeFolder } from '../e2e/folder.ts';
import { type Condition, conditionOf } from './condition.ts';
import { CoreFile } from './core-file.ts';
import { judgeStamps, type Partial } from './stamp-oracle.ts';
import type { Target } from './target.ts';

/** A place for a core of `pid`, and the command that writes one there. */
export async function corePlace(
  pid: number,
  ...args: readonly string[]
): Promise<{ file: string; folder: string; start: () => Child }> {
  const folder = await makeFolder();
  const file = path.join(folder, 'core');
  return { file, folder, start: () => migrate('core', '--pid', String(pid), '--out', file, ...args) };
}

/** The whole core of one instant, or a failure that says why and leaves nothing. `names` are those in the folder of the core. */
export function expectRightOrNothing(
  exit: Exit,
  target: Target,
  { file, names }: { file: string; names: readonly string[] },
): void {
  if (exit.code === 0) {
    expect(judgeStamps(new CoreFile(file), target.ready.memory, 'prefix').wrong).toEqual([]);
    return;
  }
  expect(exit).toMatchObject({ code: 14, summary: { outcome: 'not-converged', verified: false } });
  expect(exit.lines.find(({ type }) => type === 'error')).toMatchObject({
    message: expect.stringMatching(/\w+/),
    hint: expect.stringMatching(/\w+/),
  });
  expect(names).toEqual([]);
}

/** Takes a core of a target and judges its stamps. The target must be as it was before, go on, and find its memory right. */
export async function expectCut(
  target: Target,
  { partial = 'prefix', args = [] }: { partial?: Partial; args?: readonly string[] } = {},
): Promise<{ core: CoreFile; exit: Exit }> {
  const before = await conditionOf(target.pid);
  const { file, start } = await corePlace(target.pid, ...args);
  const exit = await start().exit;
  expect(exit).toMatchObject({ code: 0, summary: { outcome: 'done', pid: target.pid } });
  const core = new CoreFile(file);
  const { wrong, published } = judgeStamps(core, target.ready.memory, partial);
  expect(wrong.slice(0, 5)).toEqual([]);
  expect(published.every((step) => step > 0)).toBe(true);
  await expectGoesOn(target, before);
  expect(await target.check()).toEqual({ ok: true, why: '' });
  return { core, exit };
}

/** The target is as it was, and all its threads do something. */
export async function expectGoesOn(target: Target, before: Condition): Promise<void> {
  await target.goesOn();
  expect(await conditionOf(target.pid)).toEqual(before);
}

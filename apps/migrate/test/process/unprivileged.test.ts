import { spawnSync } from 'node:child_process';
import { chmod, copyFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { Child, mainFile } from '../e2e/child.ts';
import { makeFolder } from '../e2e/folder.ts';
import { compiled } from './compiled.ts';
import { conditionOf } from './condition.ts';
import { expectCut, expectGoesOn } from './live.ts';
import { needProcesses } from './needs.ts';
import { Target } from './target.ts';

/** nobody, on every Linux. */
const NOBODY = { uid: 65_534, gid: 65_534 };
const WRITERS = ['2', '32', '500'];
/** Runs what follows without any capability: the user's number alone gives no right then. */
const WITHOUT_RIGHTS = ['--bounding-set', '-all', '--inh-caps', '-all', '--'];

const trial = spawnSync('setpriv', [...WITHOUT_RIGHTS, 'true'], { encoding: 'utf8' });

/** Skips where setpriv may not drop capabilities: with them the tests would say nothing. In CI that is a failure, like every skip. */
function needRights(context: TestContext): void {
  needProcesses(context);
  if (trial.status !== 0)
    context.skip(`rights cannot be given up: ${trial.error?.message ?? trial.stderr.trim()}`);
}

async function coreWithoutRights(pid: number): Promise<Child> {
  const file = path.join(await makeFolder(), 'core');
  const args = [process.execPath, mainFile, 'core', '--pid', String(pid), '--out', file, '--json'];
  return new Child('setpriv', [...WITHOUT_RIGHTS, ...args]);
}

test('who may do everything pictures a process of another user', async (context) => {
  needRights(context);
  const folder = await makeFolder();
  const program = path.join(folder, 'writers');
  await copyFile(await compiled('writers'), program);
  await Promise.all([chmod(folder, 0o755), chmod(program, 0o755)]);
  const { exit } = await expectCut(await Target.start(program, WRITERS, NOBODY));
  expect(exit.summary).toMatchObject({ outcome: 'done' });
});

test('who may not is refused, with a hint, and the process goes on', async (context) => {
  needRights(context);
  const target = await Target.start(await compiled('writers'), WRITERS);
  const before = await conditionOf(target.pid);
  const exit = await (await coreWithoutRights(target.pid)).exit;
  expect(exit).toMatchObject({ code: 15, summary: { outcome: 'refused' } });
  expect(exit.lines.find(({ type }) => type === 'error')).toMatchObject({
    hint: expect.stringContaining('CAP_SYS_PTRACE'),
  });
  await expectGoesOn(target, before);
});

test('a process of one’s own, without rights: pictured, or refused and told what is missing', async (context) => {
  needRights(context);
  const target = await Target.start('setpriv', [...WITHOUT_RIGHTS, await compiled('writers'), ...WRITERS]);
  const before = await conditionOf(target.pid);
  const exit = await (await coreWithoutRights(target.pid)).exit;
  // Users get a userfaultfd by a sysctl or by the mode of the device, or not at all.
  expect([0, 10, 15]).toContain(exit.code);
  expect(exit.code === 0 || /hint: .*(userfaultfd|CAP_)/.test(exit.stderr)).toBe(true);
  await expectGoesOn(target, before);
});

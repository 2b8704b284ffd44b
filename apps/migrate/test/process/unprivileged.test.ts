import { spawnSync } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { expect, type TestContext, test } from 'vitest';
import { Child, mainFile } from '../e2e/child.ts';
import { makeFolder } from '../e2e/folder.ts';
import { needUserfaultfd } from '../e2e/userfaultfd.ts';
import { conditionOf } from './condition.ts';
import { compiled } from './compiled.ts';
import { expectCut, expectGoesOn } from './live.ts';
import { startTarget } from './target.ts';

/** nobody, on every Linux. */
const NOBODY = { uid: 65_534, gid: 65_534 };
const WRITERS = { threads: 2, pages: 32, pauseUs: 500 };

function needRoot(context: TestContext): void {
  if (process.getuid?.() !== 0) context.skip('only root can be somebody else');
}

/** Skips where the checkout is not for everybody to read. */
async function needReadable(context: TestContext): Promise<void> {
  const { status } = spawnSync(
    process.execPath,
    ['-e', 'require("fs").readFileSync(process.argv[1])', mainFile],
    NOBODY,
  );
  if (status !== 0) context.skip(`nobody cannot run ${process.execPath} or read ${mainFile}`);
  await compiled('writers');
}

test('root pictures a process of another user', async (context) => {
  needUserfaultfd(context);
  needRoot(context);
  await needReadable(context);
  const { exit } = await expectCut(await startTarget('writers', WRITERS, [], NOBODY));
  expect(exit.summary).toMatchObject({ outcome: 'done' });
});

test('a user who may not is refused, with a hint, and the process goes on', async (context) => {
  needUserfaultfd(context);
  needRoot(context);
  await needReadable(context);
  const target = await startTarget('writers', WRITERS);
  const before = await conditionOf(target.pid);
  const folder = await makeFolder();
  await chmod(folder, 0o777);
  const args = [mainFile, 'core', '--pid', String(target.pid), '--out', `${folder}/core`, '--json'];
  const exit = await new Child(process.execPath, args, NOBODY).exit;
  expect(exit).toMatchObject({ code: 15, summary: { outcome: 'refused' } });
  expect(exit.lines.find(({ type }) => type === 'error')).toMatchObject({
    hint: expect.stringContaining('CAP_SYS_PTRACE'),
  });
  await expectGoesOn(target, before);
});

test('a user’s own process, where the machine gives no userfaultfd to users', async (context) => {
  needUserfaultfd(context);
  needRoot(context);
  await needReadable(context);
  const target = await startTarget('writers', WRITERS, [], NOBODY);
  const before = await conditionOf(target.pid);
  const folder = await makeFolder();
  await chmod(folder, 0o777);
  const args = [mainFile, 'core', '--pid', String(target.pid), '--out', `${folder}/core`, '--json'];
  const exit = await new Child(process.execPath, args, NOBODY).exit;
  // Allowed by a sysctl or the device's mode, or not and told so: never in between.
  expect(exit.code === 0 || /hint: .*(userfaultfd|CAP_)/.test(exit.stderr)).toBe(true);
  expect([0, 10, 15]).toContain(exit.code);
  await expectGoesOn(target, before);
});

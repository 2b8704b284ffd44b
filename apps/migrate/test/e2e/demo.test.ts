import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { type Child, type Exit, migrate } from './child.ts';
import { makeFolder } from './folder.ts';
import { needUserfaultfd } from './userfaultfd.ts';

const SMALL = ['--workload', 'counter,size=4MiB', '--limiter', 'none'];

/** Starts a demo whose temporary files are in a folder of its own. */
async function startDemo(...args: readonly string[]) {
  const folder = await makeFolder();
  const before = process.env['TMPDIR'];
  process.env['TMPDIR'] = folder;
  try {
    expect(tmpdir()).toBe(folder);
    return { demo: migrate('demo', ...args), left: () => readdir(folder) };
  } finally {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  }
}

function summaries({ lines }: Exit): number {
  return lines.filter(({ type }) => type === 'summary').length;
}

test('shows a verified picture, and leaves nothing', async (context) => {
  needUserfaultfd(context);
  const { demo, left } = await startDemo(...SMALL);
  const outcome = await demo.exit;
  expect(outcome).toMatchObject({ code: 0, summary: { outcome: 'done', pages: 1024, verified: true } });
  expect(outcome.stderr).toContain('no-late-page');
  expect(summaries(outcome)).toBe(1);
  expect(await left()).toEqual([]);
});

test.for([
  [['--workload', 'conter'], 'counter'],
  [['--limiter', 'linar-scan'], 'linear-scan'],
] as const)('%j ends before anything starts', async ([args, words]) => {
  const { demo, left } = await startDemo(...args);
  const outcome = await demo.exit;
  expect(outcome).toMatchObject({
    code: 2,
    summary: { outcome: 'usage' },
    stderr: expect.stringContaining(words),
  });
  expect(await left()).toEqual([]);
});

/** The process of this command that a demo has started. */
async function processOf(demo: Child, command: string): Promise<number> {
  const pids = await readFile(`/proc/${demo.pid}/task/${demo.pid}/children`, 'utf8');
  for (const pid of pids.trim().split(' ')) {
    // oxlint-disable-next-line no-await-in-loop -- there are two
    const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    if (args.includes(command)) return Number(pid);
  }
  throw new Error(`no process of ${command} among ${pids}`);
}

test.for(['source', 'dest'])('a %s that dies before they have met ends the demo', async (command) => {
  const { demo, left } = await startDemo(...SMALL);
  // The source connects a second later.
  await demo.line('workload', { state: 'running' });
  process.kill(await processOf(demo, command), 'SIGKILL');
  const outcome = await demo.exit;
  expect(outcome).toMatchObject({ code: command === 'source' ? 1 : 11, summary: { verified: false } });
  expect(outcome.stderr).toMatch(/the (source|destination) ended with/);
  expect(summaries(outcome)).toBe(1);
  expect(await left()).toEqual([]);
});

test.for([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s ends both processes, and leaves nothing', async ([signal, code], context) => {
  needUserfaultfd(context);
  const slow = ['--workload', 'counter,size=16MiB', '--limiter', 'token-bucket,rate=2MiB/s,burst=1MiB'];
  const { demo, left } = await startDemo(...slow);
  await demo.line('phase', { phase: 'stream' });
  demo.kill(signal);
  const outcome = await demo.exit;
  expect(outcome).toMatchObject({ code, summary: { outcome: 'interrupted', verified: false } });
  expect(summaries(outcome)).toBe(1);
  expect(await left()).toEqual([]);
});

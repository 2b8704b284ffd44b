import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { compiled } from './compiled.ts';
import { corePlace } from './live.ts';
import { needProcesses } from './needs.ts';
import { startTarget, Target } from './target.ts';

/** What a refusal must leave as it was; a zombie has no more than that. Sleeping and running are both going on. */
function stateOf(pid: number): string[] {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const lines = status.split('\n').filter((line) => UNTOUCHED.test(line));
  return lines.map((line) => line.replace(/^State:\s*[RSD].*/, 'State: goes on'));
}

const UNTOUCHED = /^(State|TracerPid|Threads|Seccomp|SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt):/;

/** Asks for a core of a process that cannot be pictured; it must be left as it was. @returns The code of the refusal. */
async function refusalOf(pid: number): Promise<unknown> {
  const before = stateOf(pid);
  const { folder, start } = await corePlace(pid);
  const exit = await start().exit;
  const error = exit.lines.find(({ type }) => type === 'error');
  expect(error).toMatchObject({
    message: expect.stringContaining(String(pid)),
    hint: expect.stringMatching(/\w+/),
  });
  expect(exit).toMatchObject({ code: 15, summary: { outcome: 'refused', verified: false, exitCode: 15 } });
  expect(await readdir(folder)).toEqual([]);
  expect(stateOf(pid)).toEqual(before);
  return error?.['code'];
}

async function startRefused(what: string): Promise<Target> {
  return Target.start(await compiled('refused'), [what]);
}

test.for([
  ['filtered', 'PROCESS_SECCOMP'],
  ['strict', 'PROCESS_SECCOMP'],
  ['traced', 'PROCESS_TRACED'],
  ['zombie', 'PROCESS_ZOMBIE'],
  ['sharer', 'PROCESS_SHARES_MEMORY'],
  ['namespace', 'PROCESS_USER_NAMESPACE'],
] as const)('a process that is %s is refused and left as it was', async ([what, code], context) => {
  needProcesses(context);
  const target = await startRefused(what);
  expect(await refusalOf(target.pid)).toBe(code);
});

// Other processors have no such programs.
test.for(process.arch === 'x64' ? (['m32'] as const) : [])(
  'a 32-bit process (%s) is refused and left as it was',
  async (program, context) => {
    needProcesses(context);
    const target = await Target.start(await compiled(program), []);
    expect(await refusalOf(target.pid)).toBe('PROCESS_32_BIT');
  },
);

test('a kernel thread is refused, where one is visible: containers hide them', async () => {
  const codes = await Promise.all(kernelThreads().slice(0, 1).map(refusalOf));
  expect(codes.filter((code) => code !== 'PROCESS_KERNEL_THREAD')).toEqual([]);
});

const PF_KTHREAD = 0x0020_0000;

function kernelThreads(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const flags = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[6];
        return (Number(flags) & PF_KTHREAD) !== 0;
      } catch {
        return false;
      }
    });
}

test('a number that no process has', async () => {
  const { start } = await corePlace(4_194_300);
  expect(await start().exit).toMatchObject({
    code: 15,
    summary: { outcome: 'refused' },
    stderr: expect.stringContaining('PROCESS_NOT_FOUND'),
  });
});

test('memory that nobody has filtered in is refused when there is too much to copy', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', { threads: 1, pages: 16, pauseUs: 1000 });
  const { start } = await corePlace(target.pid, '--filter', 'anonymous,private-file', '--copy-max', '4KiB');
  expect(await start().exit).toMatchObject({
    code: 15,
    stderr: expect.stringContaining('PROCESS_COPY_TOO_LARGE'),
  });
  await target.goesOn();
});

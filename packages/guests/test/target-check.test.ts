import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sharesMemory } from '@stillframe/uffd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProcDirectory } from '../src/process/proc-directory.ts';
import { checkTarget, findSharingChild, type SharesMemory } from '../src/process/target-check.ts';
import { TargetProgram } from './target.ts';

/** No process has it: above the kernel's PID_MAX_LIMIT of 2^22. */
const NO_PID = 2 ** 22 + 1;

const sharing: SharesMemory = (pid, otherPid) => {
  try {
    return sharesMemory(pid, otherPid);
  } catch {
    return undefined;
  }
};

let program: TargetProgram;
beforeAll(() => {
  program = new TargetProgram();
});
afterAll(() => program[Symbol.asyncDispose]());

function check(pid: number): void {
  checkTarget(new ProcDirectory(pid), sharing);
}

function refused(code: string, operands: object = {}) {
  return expect.objectContaining({
    name: 'ProcessGuestError',
    code,
    hint: expect.stringMatching(/\w/),
    operands: expect.objectContaining(operands),
  });
}

describe('a process that can be captured', () => {
  test('is not refused', async () => {
    const target = await program.start('plain');
    expect(() => check(target.pid)).not.toThrow();
    expect(await target.end()).toBe(0);
  });
});

describe('what cannot be captured is refused', () => {
  test('numbers that are no process', () => {
    expect(() => check(NO_PID)).toThrow(refused('PROCESS_NOT_FOUND', { pid: NO_PID }));
    for (const pid of [0, -1, 1.5, 2 ** 31]) expect(() => check(pid)).toThrow(RangeError);
  });

  test('this process', () => {
    expect(() => check(process.pid)).toThrow(refused('PROCESS_SELF'));
  });

  test('a thread', () => {
    const tid = Number(readdirSync('/proc/self/task').find((name) => Number(name) !== process.pid));
    expect(() => check(tid)).toThrow(refused('PROCESS_IS_THREAD', { processPid: process.pid }));
  });

  test('a zombie', async () => {
    const target = await program.start('zombie');
    expect(() => check(target.made('child').sizeBytes)).toThrow(refused('PROCESS_ZOMBIE'));
  });

  test('one that is confined by seccomp', async () => {
    const target = await program.start('seccomp');
    expect(() => check(target.pid)).toThrow(refused('PROCESS_SECCOMP', { seccomp: 2 }));
  });

  test('one with a 32-bit personality', async () => {
    const target = await program.start('personality');
    expect(() => check(target.pid)).toThrow(refused('PROCESS_32_BIT'));
  });

  test('one whose memory another process uses too', async () => {
    const target = await program.start('share');
    const child = target.made('child').sizeBytes;
    const proc = new ProcDirectory(target.pid);
    expect(() => check(target.pid)).toThrow(refused('PROCESS_SHARES_MEMORY', { otherPid: child }));
    expect(findSharingChild(proc, [target.pid], new Set(), sharing)).toBe(child);
    expect(findSharingChild(proc, [target.pid], new Set([child]), sharing)).toBeUndefined();
    expect(findSharingChild(proc, [NO_PID], new Set(), sharing)).toBeUndefined();
  });

  test('one that has a userfaultfd', async () => {
    const target = await program.start('userfault');
    expect(() => check(target.pid)).toThrow(refused('PROCESS_HAS_USERFAULTFD'));
  });

  test('one in another user namespace', async () => {
    const target = await program.start('plain', '', ['unshare', '--user']);
    expect(() => check(target.pid)).toThrow(refused('PROCESS_USER_NAMESPACE'));
  });

  test('one that is being traced', async () => {
    const target = await program.start('traced');
    const child = target.made('child').sizeBytes;
    expect(() => check(child)).toThrow(refused('PROCESS_TRACED', { tracerPid: target.pid }));
  });
});

const flagsField = (pid: number, state: string, flags: number) =>
  `${pid} (x) ${state} 1 1 1 0 -1 ${flags} 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0`;

/** What no test can make for certain at a given moment, written down as the kernel would show it. */
describe('by what /proc shows', () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(path.join(tmpdir(), 'stillframe-proc-'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  function shown(pid: number, files: Readonly<Record<string, string | Uint8Array>>): ProcDirectory {
    const folder = path.join(root, String(pid));
    mkdirSync(path.join(folder, 'ns'), { recursive: true });
    const usual = {
      stat: `${pid} (a) b) S 1 ${pid} ${pid} 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0`,
      status: `Name:\ta\nTgid:\t${pid}\nTracerPid:\t0\nSeccomp:\t0\n`,
      personality: '00000000\n',
      exe: new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2]),
      smaps: '',
    };
    for (const [name, content] of Object.entries({ ...usual, ...files })) {
      writeFileSync(path.join(folder, name), content);
    }
    rmSync(path.join(folder, 'ns/user'), { force: true });
    symlinkSync('/proc/self/ns/user', path.join(folder, 'ns/user'));
    return new ProcDirectory(pid, root);
  }

  test.for([
    ['PROCESS_KERNEL_THREAD', { stat: flagsField(11, 'I', 0x20_8040) }],
    ['PROCESS_EXITING', { stat: flagsField(11, 'S', 0x40_0104) }],
    ['PROCESS_EXITING', { stat: flagsField(11, 'X', 0x40_0100) }],
    ['PROCESS_32_BIT', { exe: new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 1]) }],
    ['PROCESS_READ_FAILED', { stat: 'nonsense' }],
    [
      'PROCESS_HAS_USERFAULTFD',
      {
        smaps:
          '1000-2000 rw-p 00000000 00:00 0 \nSize: 4 kB\nKernelPageSize:        4 kB\nVmFlags: rd wr mr mw me uw \n',
      },
    ],
  ] as const)('%s', ([code, files]) => {
    const proc = shown(11, files);
    mkdirSync(path.join(root, 'self/ns'), { recursive: true });
    rmSync(path.join(root, 'self/ns/user'), { force: true });
    symlinkSync('/proc/self/ns/user', path.join(root, 'self/ns/user'));
    expect(() => checkTarget(proc, () => false)).toThrow(refused(code));
    expect(() => checkTarget(shown(11, {}), () => false)).not.toThrow();
  });
});

import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { ProcessGuestError, type ProcessGuestErrorCode } from './error.ts';
import { VM_FLAGS } from './mapping.ts';
import type { ProcDirectory } from './proc-directory.ts';
import { parseSmaps } from './smaps.ts';
import { FLAG_EXITING, FLAG_KERNEL_THREAD, parseStat, statusField } from './stat.ts';

/** Whether two processes have the same memory; undefined when one is gone or may not be asked about. */
export type SharesMemory = (pid: number, otherPid: number) => boolean | undefined;

/** EI_CLASS of a 32-bit file; elf(5). */
const ELF_CLASS_32 = 1;
/** personality(2): the domain in the low byte. */
const PERSONALITY_DOMAIN = 0xff;
const PERSONALITY_LINUX32 = 0x08;

/**
 * Refuses what cannot be captured, before anything is touched: only files under /proc are read.
 *
 * @throws ProcessGuestError; see its codes.
 */
export function checkTarget(proc: ProcDirectory, sharesMemory: SharesMemory): void {
  if (proc.pid === process.pid) throw refusal(proc, 'PROCESS_SELF', 'is this process itself');
  checkLife(proc);
  checkStatus(proc);
  checkWordSize(proc);
  checkUserNamespace(proc);
  checkUserfaultfd(proc);
  const other = findSharing(proc, sharesMemory);
  if (other !== undefined) {
    throw refusal(proc, 'PROCESS_SHARES_MEMORY', `shares its memory with process ${other}`, {
      otherPid: other,
    });
  }
}

function checkLife(proc: ProcDirectory): void {
  const { state, flags } = parseStat(proc.text('stat'));
  if ((flags & FLAG_KERNEL_THREAD) !== 0) throw refusal(proc, 'PROCESS_KERNEL_THREAD', 'is a kernel thread');
  if (state === 'Z') throw refusal(proc, 'PROCESS_ZOMBIE', 'is a zombie, or its first thread has ended');
  if (state === 'X' || state === 'x' || (flags & FLAG_EXITING) !== 0) {
    throw refusal(proc, 'PROCESS_EXITING', 'is exiting');
  }
}

function checkStatus(proc: ProcDirectory): void {
  const status = proc.text('status');
  const tgid = Number(statusField(status, 'Tgid') ?? proc.pid);
  if (tgid !== proc.pid) {
    throw refusal(proc, 'PROCESS_IS_THREAD', `is a thread of process ${tgid}`, { processPid: tgid });
  }
  const tracerPid = Number(statusField(status, 'TracerPid') ?? 0);
  if (tracerPid !== 0) {
    throw refusal(proc, 'PROCESS_TRACED', `is traced by process ${tracerPid}`, { tracerPid });
  }
  const seccomp = Number(statusField(status, 'Seccomp') ?? 0);
  if (seccomp !== 0) throw refusal(proc, 'PROCESS_SECCOMP', 'is confined by seccomp', { seccomp });
}

function checkWordSize(proc: ProcDirectory): void {
  const header = readHead(proc, 'exe', 5);
  const isElf32 = header.length === 5 && header[0] === 0x7f && header[4] === ELF_CLASS_32;
  const personality = Number.parseInt(proc.text('personality'), 16);
  if (isElf32 || (personality & PERSONALITY_DOMAIN) === PERSONALITY_LINUX32) {
    throw refusal(proc, 'PROCESS_32_BIT', 'is a 32-bit process');
  }
}

/** The identity of a namespace is the inode behind its link. */
function checkUserNamespace(proc: ProcDirectory): void {
  let ours: number;
  try {
    ours = statSync(`${proc.root}/self/ns/user`).ino;
  } catch {
    return; // A kernel without user namespaces.
  }
  const theirs = proc.attempt('ns/user', () => statSync(`${proc.path}/ns/user`).ino);
  if (ours !== theirs) throw refusal(proc, 'PROCESS_USER_NAMESPACE', 'is in another user namespace');
}

function checkUserfaultfd(proc: ProcDirectory): void {
  const registered = VM_FLAGS.um | VM_FLAGS.uw | VM_FLAGS.ui;
  for (const [line, { flags }] of parseSmaps(proc.text('smaps'))) {
    if ((flags & registered) === 0) continue;
    throw refusal(proc, 'PROCESS_HAS_USERFAULTFD', 'has memory with a userfaultfd already', {
      mapping: line.split(' ')[0] ?? '',
    });
  }
}

/** The first other process with the same memory. */
function findSharing(proc: ProcDirectory, sharesMemory: SharesMemory): number | undefined {
  for (const name of readdirSync(proc.root)) {
    const pid = Number(name);
    if (Number.isInteger(pid) && pid !== proc.pid && sharesMemory(proc.pid, pid) === true) return pid;
  }
  return undefined;
}

/**
 * Whether a thread has a child, not in `known`, with the same memory; looks only at children, which is what can come to be in a short time.
 * @returns The child, or undefined.
 */
export function findSharingChild(
  proc: ProcDirectory,
  tids: readonly number[],
  known: ReadonlySet<number>,
  sharesMemory: SharesMemory,
): number | undefined {
  for (const tid of tids) {
    for (const word of childrenOf(proc, tid).split(' ')) {
      const pid = Number(word);
      if (word === '' || known.has(pid)) continue;
      if (sharesMemory(proc.pid, pid) === true) return pid;
    }
  }
  return undefined;
}

function childrenOf(proc: ProcDirectory, tid: number): string {
  try {
    return proc.text(`task/${tid}/children`);
  } catch {
    return ''; // The thread has ended, or the kernel lacks CONFIG_PROC_CHILDREN.
  }
}

function readHead(proc: ProcDirectory, name: string, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const read = proc.attempt(name, () => {
    const fd = openSync(`${proc.path}/${name}`, 'r');
    try {
      return readSync(fd, bytes);
    } finally {
      closeSync(fd);
    }
  });
  return bytes.subarray(0, read);
}

function refusal(
  proc: ProcDirectory,
  code: ProcessGuestErrorCode,
  what: string,
  operands: Readonly<Record<string, string | number>> = {},
): ProcessGuestError {
  return new ProcessGuestError(code, `process ${proc.pid} ${what}`, {
    operands: { pid: proc.pid, ...operands },
  });
}

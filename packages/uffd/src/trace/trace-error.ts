import { errnoName } from '../errors.ts';

/**
 * Why a process could not be traced. It runs on as before, whatever the code.
 *
 * | code | meaning |
 * |---|---|
 * | `no-such-process` | no process has that number |
 * | `not-permitted` | the kernel does not let us trace it |
 * | `already-traced` | by a debugger, strace, or another snapshot |
 * | `exited` | it ended, or was killed, meanwhile |
 * | `not-stopping` | a thread did not come to rest in time |
 * | `seccomp` | it is confined: a system call that its filter does not know may kill it |
 * | `thirty-two-bit` | it runs 32-bit code |
 * | `unsupported-arch` | there is no tracer for this processor |
 * | `no-free-fd` | it has no free descriptor for the moment that a userfaultfd is made |
 * | `no-memory` | the kernel gives it no memory |
 * | `userfaultfd-unavailable` | it may not make a userfaultfd, nor be lent the device |
 * | `stopped-too-long` | it was stopped for `stoppedMaxMs` without a word from us, and runs again |
 * | `tracer-lost` | the tracer ended, or could not be started |
 * | `injection-failed` | the process could not make system calls for us |
 * | `system` | the kernel failed in another way, see `errno` |
 */
export type TraceErrorCode =
  | 'no-such-process'
  | 'not-permitted'
  | 'already-traced'
  | 'exited'
  | 'not-stopping'
  | 'seccomp'
  | 'thirty-two-bit'
  | 'unsupported-arch'
  | 'no-free-fd'
  | 'no-memory'
  | 'userfaultfd-unavailable'
  | 'stopped-too-long'
  | 'tracer-lost'
  | 'injection-failed'
  | 'system';

export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: TraceErrorCode;
  readonly pid: number;
  /** The kernel's reason, positive; 0 where there is none. */
  readonly errno: number;
  /** What a person can do about it. */
  readonly hint: string;

  constructor(code: TraceErrorCode, pid: number, options: { errno?: number; cause?: unknown } = {}) {
    const { errno = 0, cause } = options;
    const [what, hint] = TEXTS[code];
    const reason = errno === 0 ? '' : ` (${errnoName(errno)})`;
    super(`process ${pid} ${what}${reason}. ${hint}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.pid = pid;
    this.errno = errno;
    this.hint = hint;
  }
}

const TEXTS: Readonly<Record<TraceErrorCode, readonly [what: string, hint: string]>> = {
  'no-such-process': ['does not exist', 'Give the number of a process, not of one of its threads'],
  'not-permitted': [
    'may not be traced',
    'Run as root or with CAP_SYS_PTRACE, in its user namespace or above; for processes of your own see also sysctl kernel.yama.ptrace_scope',
  ],
  'already-traced': ['is traced by another', 'A debugger, strace or another snapshot has it: end that first'],
  exited: ['has ended', 'It was not us'],
  'not-stopping': [
    'did not come to rest',
    'A thread waits in the kernel for a disk, or for a child of vfork: try again, or raise stopTimeoutMs; it runs on',
  ],
  seccomp: [
    'is confined by seccomp',
    'A filter may kill it for a system call that it does not expect. Start it without one (docker: --security-opt seccomp=unconfined)',
  ],
  'thirty-two-bit': ['runs 32-bit code', 'Only 64-bit processes can be traced'],
  'unsupported-arch': ['cannot be traced here', 'There is a tracer for x86_64 and arm64 on Linux'],
  'no-free-fd': ['has no free descriptor', 'Raise its limit (prlimit --nofile) by two, or try again'],
  'no-memory': ['is given no memory by the kernel', 'It is at a limit: of memory, or vm.max_map_count'],
  'userfaultfd-unavailable': [
    'cannot make a userfaultfd',
    'Run as root, give access to /dev/userfaultfd (Linux 6.1), or set sysctl vm.unprivileged_userfaultfd=1',
  ],
  'stopped-too-long': ['was stopped for too long and runs again', 'Raise stoppedMaxMs, or do less meanwhile'],
  'tracer-lost': ['has lost its tracer', 'Was stillframe-tracer killed, or is it not executable?'],
  'injection-failed': [
    'could not make a system call for us',
    'Try again; if it stays, this is a bug or a kernel that behaves in a new way',
  ],
  system: ['could not be traced', 'See errno for what the kernel said'],
};

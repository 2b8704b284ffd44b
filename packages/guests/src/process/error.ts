import { OperatingError, type OperatingErrorOptions } from '@stillframe/snapshot';

/** What to do about each code. */
const HINTS = {
  PROCESS_NOT_FOUND: 'Look the number up again: the process may have ended.',
  PROCESS_IS_THREAD: 'Name the process that the thread belongs to; all its threads are captured.',
  PROCESS_SELF: 'Use @stillframe/guests/memory for memory of this process.',
  PROCESS_KERNEL_THREAD: 'A kernel thread has no memory of its own.',
  PROCESS_ZOMBIE: 'Its memory is gone already, or its first thread has ended and can no longer be asked.',
  PROCESS_EXITING: 'The process is ending; there is nothing left to capture.',
  PROCESS_TRACED: 'A process has one tracer. Detach the debugger or strace, then try again.',
  PROCESS_32_BIT: 'Only 64-bit processes can be captured.',
  PROCESS_SECCOMP:
    'Its seccomp filter could kill it for the system call that makes a userfaultfd. Capture it from where it is not confined, or not at all.',
  PROCESS_USER_NAMESPACE:
    'Run inside the same user namespace (the same container), with the rights to trace it.',
  PROCESS_SHARES_MEMORY:
    'Another process uses the same memory (vfork, CLONE_VM) and would not stand still. Try again when it has gone.',
  PROCESS_HAS_USERFAULTFD: 'Memory can have one userfaultfd. Stop what else uses it in this process.',
  PROCESS_FORBIDDEN:
    'Tracing needs the same user or CAP_SYS_PTRACE, and /proc/sys/kernel/yama/ptrace_scope may ask for more.',
  PROCESS_EXITED: 'The process ended before its memory was captured. Nothing was kept.',
  PROCESS_EXECED:
    'The process replaced itself with another program before its memory was captured. Try again.',
  PROCESS_COPY_TOO_LARGE:
    'Memory that cannot be armed is copied while the process stands still. Raise copyMaxBytes and accept a longer pause, or narrow the filter.',
  PROCESS_TOO_FRAGMENTED:
    'An image has at most 16,384 regions. Narrow the filter, or capture it when it has fewer mappings.',
  PROCESS_TOO_LARGE: 'The process exceeds a limit of the format of its state.',
  PROCESS_SPARSE_SHARED_MEMORY:
    'Which pages of a large shared mapping exist can be seen only with CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE. Run with it, or leave shared memory out.',
  PROCESS_NOTHING_TO_ARM:
    'The filter leaves nothing that a capture could wait for. Add anonymous, shared or hugetlb to it.',
  PROCESS_UNSUPPORTED: 'Capturing another process needs Linux 6.7 or newer (PAGEMAP_SCAN).',
  PROCESS_READ_FAILED: 'Memory of the process could not be read. Is it still there?',
  PROCESS_CLOSED: 'Make a new guest.',
  PROCESS_STATE_INVALID:
    'These bytes are not the state of a process, or were damaged. Do not use this image.',
  PROCESS_STATE_VERSION: 'The state was written by a newer version. Use that one, or newer, to read it.',
} as const;

/** Why a process cannot be captured, or its state not be believed. Stable: exit codes and scripts rely on these words. */
export type ProcessGuestErrorCode = keyof typeof HINTS;

/** The process is as it was before, whatever the code. */
export class ProcessGuestError extends OperatingError<ProcessGuestErrorCode> {
  override readonly name = 'ProcessGuestError';

  constructor(code: ProcessGuestErrorCode, message: string, options: OperatingErrorOptions = {}) {
    super(code, message, HINTS, options);
  }
}

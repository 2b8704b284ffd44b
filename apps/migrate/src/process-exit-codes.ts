import type { CoreErrorCode } from '@stillframe/guests/core';
import type { ProcessGuestErrorCode } from '@stillframe/guests/process';
import type { TraceErrorCode } from '@stillframe/uffd';
import { exitCodes } from './exit-codes.ts';

const { refused, notConverged, userfaultfdUnavailable, corrupt, version, bug } = exitCodes;

const PROCESS: Readonly<Record<ProcessGuestErrorCode, number>> = {
  PROCESS_NOT_FOUND: refused,
  PROCESS_IS_THREAD: refused,
  PROCESS_SELF: refused,
  PROCESS_KERNEL_THREAD: refused,
  PROCESS_ZOMBIE: refused,
  PROCESS_EXITING: refused,
  PROCESS_TRACED: refused,
  PROCESS_32_BIT: refused,
  PROCESS_SECCOMP: refused,
  PROCESS_USER_NAMESPACE: refused,
  PROCESS_SHARES_MEMORY: refused,
  PROCESS_HAS_USERFAULTFD: refused,
  PROCESS_FORBIDDEN: refused,
  PROCESS_COPY_TOO_LARGE: refused,
  PROCESS_TOO_FRAGMENTED: refused,
  PROCESS_TOO_LARGE: refused,
  PROCESS_SPARSE_SHARED_MEMORY: refused,
  PROCESS_NOTHING_TO_ARM: refused,
  PROCESS_UNSUPPORTED: userfaultfdUnavailable,
  // It was pictured, and was gone before the picture was whole.
  PROCESS_EXITED: notConverged,
  PROCESS_EXECED: notConverged,
  PROCESS_READ_FAILED: notConverged,
  PROCESS_CLOSED: bug,
  PROCESS_STATE_INVALID: corrupt,
  PROCESS_STATE_VERSION: version,
};

const CORE: Readonly<Record<CoreErrorCode, number>> = {
  CORE_NOT_A_PROCESS: refused,
  CORE_REGION_UNMAPPED: corrupt,
  CORE_REGIONS_DIFFER: corrupt,
  CORE_TOO_LARGE: refused,
  CORE_TOO_MANY_SEGMENTS: refused,
};

/** Exit codes of what a process, or the core of one, fails with. */
export const PROCESS_CODES: ReadonlyMap<string, number> = new Map([
  ...Object.entries(PROCESS),
  ...Object.entries(CORE),
]);

const TRACE: Readonly<Record<TraceErrorCode, number>> = {
  'no-such-process': refused,
  'not-permitted': refused,
  'already-traced': refused,
  exited: notConverged,
  'not-stopping': notConverged,
  seccomp: refused,
  'thirty-two-bit': refused,
  'unsupported-arch': userfaultfdUnavailable,
  'no-free-fd': refused,
  'no-memory': refused,
  'userfaultfd-unavailable': userfaultfdUnavailable,
  'stopped-too-long': notConverged,
  'tracer-lost': bug,
  'injection-failed': bug,
  system: bug,
};

/** As `PROCESS_CODES`, for TraceError, whose codes are words that others use, too. */
export const TRACE_CODES: ReadonlyMap<string, number> = new Map(Object.entries(TRACE));

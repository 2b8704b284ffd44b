import { MigrationError, type MigrationErrorCode } from '@stillframe/migration';
import { SnapshotError, type SnapshotErrorCode } from '@stillframe/snapshot';
import { CliError, type CliErrorCode, Interrupted } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import { QEMU_CODES } from './qemu/exit-codes.ts';
import { PROCESS_CODES, TRACE_CODES } from './process-exit-codes.ts';

export { exitCodes };

const SNAPSHOT: Readonly<Record<SnapshotErrorCode, number>> = {
  'guest-failed': exitCodes.bug,
  'guest-left-paused': exitCodes.bug,
  'capture-failed': exitCodes.notConverged,
  'limiter-failed': exitCodes.bug,
  'packer-failed': exitCodes.localIo,
  'parent-failed': exitCodes.corrupt,
  'sink-failed': exitCodes.localIo,
  'source-failed': exitCodes.localIo,
  'target-failed': exitCodes.localIo,
  'peer-lost': exitCodes.peerLost,
  'peer-refused': exitCodes.refused,
  'peer-aborted': exitCodes.peerLost,
  'version-mismatch': exitCodes.version,
  'corrupt-stream': exitCodes.corrupt,
  'not-verified': exitCodes.corrupt,
  aborted: exitCodes.bug,
};

const MIGRATION: Readonly<Record<MigrationErrorCode, number>> = {
  'guest-failed': exitCodes.bug,
  'guest-left-paused': exitCodes.bug,
  'not-converged': exitCodes.notConverged,
  'policy-failed': exitCodes.bug,
  'target-failed': exitCodes.localIo,
  'peer-lost': exitCodes.peerLost,
  'peer-refused': exitCodes.refused,
  'peer-aborted': exitCodes.peerLost,
  'version-mismatch': exitCodes.version,
  'corrupt-stream': exitCodes.corrupt,
  'record-failed': exitCodes.localIo,
  aborted: exitCodes.bug,
  indeterminate: exitCodes.indeterminate,
  undecided: exitCodes.indeterminate,
  split: exitCodes.indeterminate,
};

const CLI: Readonly<Record<CliErrorCode, number>> = {
  USAGE: exitCodes.usage,
  NOT_AVAILABLE: exitCodes.usage,
  PEER_UNREACHABLE: exitCodes.peerLost,
  REFUSED: exitCodes.refused,
  FILE: exitCodes.localIo,
  DAMAGED: exitCodes.corrupt,
  DIFFERENT: exitCodes.refused,
  CANCELLED: exitCodes.notConverged,
  TIMEOUT: exitCodes.notConverged,
};

/** userfaultfd(2) and the device refuse with these. */
const NO_UFFD: ReadonlySet<string> = new Set(['UFFD_EPERM', 'UFFD_EACCES', 'UFFD_ENOSYS', 'UFFD_EINVAL']);
/** Causes that say more than the step that they ended. */
const CAUSES: ReadonlyMap<string, number> = new Map([
  ['CAPTURE_SPILL_FAILED', exitCodes.localIo],
  ['CAPTURE_UFFD_FAILED', exitCodes.userfaultfdUnavailable],
  ['CHAIN_PARENT_MISSING', exitCodes.localIo],
  ['CHAIN_WRONG_PARENT', exitCodes.refused],
  ['CHAIN_UNUSED_PARENT', exitCodes.usage],
  ['CHAIN_TOO_LONG', exitCodes.corrupt],
  ['CHAIN_CYCLE', exitCodes.corrupt],
  ['HANDOFF_MESSAGE', exitCodes.refused],
  ['HANDOFF_LAYOUT', exitCodes.refused],
  ['SEALED_KEY', exitCodes.refused],
  ['SEALED_KEY_KIND', exitCodes.refused],
  ['SEALED_VERSION', exitCodes.version],
  ['SEALED_MAGIC', exitCodes.corrupt],
  ['SEALED_HEADER', exitCodes.corrupt],
  ['SEALED_LIMITS', exitCodes.corrupt],
  ['SEALED_TRUNCATED', exitCodes.corrupt],
  ['SEALED_DAMAGED', exitCodes.corrupt],
  ['TRACK_UNSUPPORTED', exitCodes.userfaultfdUnavailable],
  ['TRACK_MEMORY_GONE', exitCodes.notConverged],
  ['WORKLOAD_SPEC', exitCodes.usage],
  // No memory or no thread for it.
  ['WORKLOAD_START', exitCodes.localIo],
  ['KV_UNREACHABLE', exitCodes.peerLost],
  ['KV_REFUSED', exitCodes.refused],
  ['WORKLOAD_MEMORY_GREW', exitCodes.notConverged],
  ...PROCESS_CODES,
  ...QEMU_CODES,
]);
/** Mistakes in what was typed, found by the packages that parse it. */
const USAGE_NAMES: ReadonlySet<string> = new Set(['LimiterConfigError', 'UnitError', 'CommanderError']);

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): number {
  // Whatever led to it: nobody knows who has the guest.
  if (error instanceof MigrationError && MIGRATION[error.code] === exitCodes.indeterminate) {
    return exitCodes.indeterminate;
  }
  for (const cause of causesOf(error)) {
    if (cause instanceof Interrupted) return 128 + cause.signalNumber;
    if (cause instanceof CliError) return CLI[cause.code];
  }
  for (const cause of causesOf(error)) {
    if (cause.name === 'UffdError' && 'code' in cause && NO_UFFD.has(String(cause.code))) {
      return exitCodes.userfaultfdUnavailable;
    }
    const codes = cause.name === 'TraceError' ? TRACE_CODES : CAUSES;
    const known = 'code' in cause ? codes.get(String(cause.code)) : undefined;
    if (known !== undefined) return known;
  }
  if (error instanceof SnapshotError) return SNAPSHOT[error.code];
  if (error instanceof MigrationError) return MIGRATION[error.code];
  if (error instanceof Error) {
    if (USAGE_NAMES.has(error.name)) return exitCodes.usage;
    if (error.name === 'PageStreamError') return exitCodes.corrupt;
    if ('syscall' in error && 'errno' in error && error.name === 'Error') return exitCodes.localIo;
  }
  return exitCodes.bug;
}

/** Bounds a chain of causes that leads back to itself. */
const CAUSES_MAX = 10;

export function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let at = error; at instanceof Error && causes.length < CAUSES_MAX; at = at.cause) causes.push(at);
  return causes;
}

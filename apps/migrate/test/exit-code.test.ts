import { SnapshotError, type SnapshotErrorCode } from '@stillframe/snapshot';
import { PageStreamError } from '@stillframe/page-stream';
import { parseBytes, parseLimiter } from '@stillframe/limiter';
import { CoreError } from '@stillframe/guests/core';
import { ProcessGuestError } from '@stillframe/guests/process';
import { TraceError, UffdError } from '@stillframe/uffd';
import { expect, test } from 'vitest';
import { outcomeOf } from '../src/cli.ts';
import { CliError, type CliErrorCode, Interrupted } from '../src/cli-error.ts';
import { causesOf, exitCodeOf, exitCodes } from '../src/exit-code.ts';
import { parseWorkload, WorkloadError } from '../src/workloads/index.ts';

const snapshotCodes: Readonly<Record<SnapshotErrorCode, number>> = {
  'guest-failed': 1,
  'guest-left-paused': 1,
  'capture-failed': 14,
  'limiter-failed': 1,
  'packer-failed': 16,
  'parent-failed': 13,
  'sink-failed': 16,
  'source-failed': 16,
  'target-failed': 16,
  'peer-lost': 11,
  'peer-refused': 15,
  'peer-aborted': 11,
  'version-mismatch': 12,
  'corrupt-stream': 13,
  'not-verified': 13,
  aborted: 1,
};

const cliCodes: Readonly<Record<CliErrorCode, number>> = {
  USAGE: 2,
  NOT_AVAILABLE: 2,
  PEER_UNREACHABLE: 11,
  REFUSED: 15,
  FILE: 16,
  DAMAGED: 13,
  DIFFERENT: 15,
  CANCELLED: 14,
  TIMEOUT: 14,
};

/** The entries of a table, their keys typed as they are. */
function entriesOf<Key extends string>(table: Readonly<Record<Key, number>>): [Key, number][] {
  const entries: [Key, number][] = [];
  for (const key in table) entries.push([key, table[key]]);
  return entries;
}

test.for(entriesOf(snapshotCodes))('a snapshot that ends with %s ends with %i', ([code, exitCode]) => {
  expect(exitCodeOf(new SnapshotError(code, 'x'))).toBe(exitCode);
});

test.for(entriesOf(cliCodes))('%s ends with %i', ([code, exitCode]) => {
  expect(exitCodeOf(new CliError(code, 'x'))).toBe(exitCode);
});

test.for([
  ['PROCESS_TRACED', 15],
  ['PROCESS_SECCOMP', 15],
  ['PROCESS_TOO_FRAGMENTED', 15],
  ['PROCESS_UNSUPPORTED', 10],
  ['PROCESS_EXITED', 14],
  ['PROCESS_EXECED', 14],
  ['PROCESS_STATE_INVALID', 13],
  ['PROCESS_STATE_VERSION', 12],
] as const)('a process that cannot be pictured for %s ends with %i', ([code, exitCode]) => {
  const error = new ProcessGuestError(code, 'x');
  expect(exitCodeOf(error)).toBe(exitCode);
  expect(exitCodeOf(new SnapshotError('guest-failed', 'guest.open', { cause: error }))).toBe(exitCode);
});

test.for([
  ['CORE_NOT_A_PROCESS', 15],
  ['CORE_REGIONS_DIFFER', 13],
] as const)('a core that fails with %s ends with %i', ([code, exitCode]) => {
  const error = new CoreError(code, 'x');
  expect(exitCodeOf(new SnapshotError('target-failed', 'target.writeState', { cause: error }))).toBe(
    exitCode,
  );
});

test.for([
  ['already-traced', 15],
  ['userfaultfd-unavailable', 10],
  ['exited', 14],
  ['not-stopping', 14],
  ['tracer-lost', 1],
] as const)('a tracer that fails with %s ends with %i', ([code, exitCode]) => {
  expect(exitCodeOf(new SnapshotError('guest-failed', 'x', { cause: new TraceError(code, 1) }))).toBe(
    exitCode,
  );
});

/** Linux errno(3). */
const errno = { EPERM: 1, ENOMEM: 12, EACCES: 13, EINVAL: 22, ENOSYS: 38 };

test.for([
  ['EPERM', 10],
  ['EACCES', 10],
  ['ENOSYS', 10],
  ['EINVAL', 10],
  ['ENOMEM', 1],
] as const)('userfaultfd that fails with %s ends with %i', ([name, exitCode]) => {
  const cause = new UffdError('userfaultfd', errno[name]);
  expect(exitCodeOf(new SnapshotError('guest-failed', 'guest.open', { cause }))).toBe(exitCode);
});

test.for([
  ['capture-failed', 'CAPTURE_STORE_FULL', 14],
  ['capture-failed', 'CAPTURE_GUEST_DISCARDED', 14],
  ['capture-failed', 'CAPTURE_SPILL_FAILED', 16],
  ['capture-failed', 'CAPTURE_UFFD_FAILED', 10],
  ['guest-failed', 'WORKLOAD_MEMORY_GREW', 14],
  ['guest-failed', 'WORKLOAD_WRITER_DIED', 1],
] as const)('%s because of %s ends with %i', ([code, why, exitCode]) => {
  const cause = Object.assign(new Error('x'), { code: why });
  expect(exitCodeOf(new SnapshotError(code, 'x', { cause }))).toBe(exitCode);
});

test('a workload that cannot start here is local', () => {
  expect(exitCodeOf(new WorkloadError('WORKLOAD_START', 'no memory'))).toBe(16);
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

test.for<[string, () => unknown]>([
  ['a size', () => parseBytes('12 parsecs')],
  ['a limiter', () => parseLimiter('none,x=1')],
  ['a workload', () => parseWorkload('nothing')],
])('a mistake in %s is usage', ([, run]) => {
  expect(exitCodeOf(thrownBy(run))).toBe(exitCodes.usage);
});

test('a page stream that cannot be believed is corrupt', () => {
  expect(exitCodeOf(new PageStreamError('STREAM_BAD_MAGIC', 0, 'x'))).toBe(13);
});

test('a system call that fails is local', () => {
  const error = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', errno: -28, syscall: 'write' });
  expect(exitCodeOf(error)).toBe(16);
});

test.for([[new Error('x')], [new TypeError('x')], ['text'], [undefined]])(
  'anything else is a bug: %s',
  ([error]) => {
    expect(exitCodeOf(error)).toBe(1);
  },
);

function aborted(cause: unknown): SnapshotError {
  return new SnapshotError('aborted', 'the snapshot was aborted', { cause });
}

test('what ended the command goes before what it ended', () => {
  expect(exitCodeOf(aborted(new Interrupted('SIGINT', 2)))).toBe(130);
  expect(exitCodeOf(aborted(new Interrupted('SIGTERM', 15)))).toBe(143);
  expect(exitCodeOf(aborted(new CliError('TIMEOUT', 'late')))).toBe(14);
  expect(exitCodeOf(new SnapshotError('target-failed', 'x', { cause: new CliError('FILE', 'x') }))).toBe(16);
});

test('a chain of causes that leads back to itself ends', () => {
  const error = new Error('first');
  error.cause = new Error('second', { cause: error });
  expect(causesOf(error).length).toBeLessThanOrEqual(10);
  expect(exitCodeOf(error)).toBe(1);
});

test('every exit code has a word of its own', () => {
  const failures = Object.values(exitCodes).filter((code) => code !== 0);
  expect(new Set(failures.map(outcomeOf)).size).toBe(failures.length);
  expect(outcomeOf(130)).toBe('interrupted');
});

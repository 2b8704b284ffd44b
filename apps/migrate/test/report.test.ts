import { SnapshotError } from '@stillframe/snapshot';
import { expect, test } from 'vitest';
import { CliError } from '../src/cli-error.ts';
import { reportError } from '../src/report/report.ts';
import { keepingContext } from './read-side/run-command.ts';

const HINT = 'Ask for permission';

/** As the errors of @stillframe/uffd, whose messages end with their hint. */
class HintedError extends Error {
  readonly code = 'UFFD_EPERM';
  readonly hint = HINT;

  constructor(what: string, cause?: unknown) {
    super(`${what}. ${HINT}`, { cause });
  }
}

function told(error: unknown) {
  const { context, written } = keepingContext();
  reportError(context.report(true), error);
  return { text: written.stderr, line: JSON.parse(written.stdout) };
}

test('a message that repeats its cause, and hints within messages, are told once', () => {
  const denied = new HintedError('userfaultfd: EPERM', new Error('EACCES: permission denied'));
  const error = new SnapshotError('guest-failed', `guest.open: ${denied.message}`, {
    cause: denied,
    hint: HINT,
  });
  const { text, line } = told(error);
  const message = 'guest.open: userfaultfd: EPERM: EACCES: permission denied';
  expect(text).toBe(`error guest-failed: ${message}\nhint: ${HINT}\n`);
  expect(line).toEqual({ type: 'error', code: 'guest-failed', message, hint: HINT });
});

test('what the command line found says more than what came of it', () => {
  const cause = new CliError('TIMEOUT', 'not done after 3 s', { hint: 'Allow more.' });
  const { line } = told(new SnapshotError('aborted', 'the snapshot was aborted', { hint: 'Again.', cause }));
  expect(line).toEqual({
    type: 'error',
    code: 'TIMEOUT',
    message: 'the snapshot was aborted: not done after 3 s',
    hint: 'Allow more.',
  });
});

test('the name of a step of ours does not come before what the command line found', () => {
  const cause = new CliError('REFUSED', 'cannot start nosuch', { hint: 'Is it there?' });
  const step = new SnapshotError('target-failed', `target.commit: ${cause.message}`, {
    operands: { step: 'target.commit' },
    hint: cause.hint,
    cause,
  });
  expect(told(step).text).toBe('error REFUSED: cannot start nosuch\nhint: Is it there?\n');
});

test('what is no error, and one without a code, is a bug', () => {
  expect(told('a word').line).toEqual({ type: 'error', code: 'BUG', message: 'a word', hint: '' });
  expect(told(new TypeError('x is undefined')).line).toMatchObject({
    code: 'BUG',
    message: 'x is undefined',
  });
});

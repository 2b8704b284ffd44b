import { OperatingError, type OperatingErrorOptions } from '@stillframe/snapshot';

/**
 * What went wrong with a migration, as a word that scripts and exit codes can rely on.
 *
 * | code | side | meaning | the guest |
 * |---|---|---|---|
 * | `guest-failed` | source | it could not be tracked, paused, read or saved | runs at the source |
 * | `guest-left-paused` | source | it could not be resumed | stands still at the source |
 * | `not-converged` | source | it writes faster than it can be sent, and the policy gave up | runs at the source |
 * | `policy-failed` | source | the convergence policy threw | runs at the source |
 * | `target-failed` | both | no room, or the state could not be loaded, or it did not start | runs at the source |
 * | `peer-lost` | both | the other side went away before the hand-over | runs at the source |
 * | `peer-refused` | source | the destination said no, with a reason | runs at the source |
 * | `peer-aborted` | destination | the source gave up, with a reason | runs at the source |
 * | `version-mismatch` | both | the other side cannot migrate, or speaks another version | runs at the source |
 * | `corrupt-stream` | both | the bytes break the format or the protocol, or the digest is another | runs at the source |
 * | `record-failed` | both | who owns the guest could not be put on record | runs at the source |
 * | `aborted` | both | the caller's signal; `cause` is its reason | runs at the source |
 * | `indeterminate` | source | the link broke after COMMIT: the destination may run it | paused and complete here |
 * | `undecided` | destination | the link broke before COMMIT came: the source may run it | paused and complete here |
 * | `split` | both | post-copy: the link broke, and pages are missing at the destination | paused, in two halves |
 */
export type MigrationErrorCode =
  | 'guest-failed'
  | 'guest-left-paused'
  | 'not-converged'
  | 'policy-failed'
  | 'target-failed'
  | 'peer-lost'
  | 'peer-refused'
  | 'peer-aborted'
  | 'version-mismatch'
  | 'corrupt-stream'
  | 'record-failed'
  | 'aborted'
  | 'indeterminate'
  | 'undecided'
  | 'split';

const HINTS: Readonly<Record<MigrationErrorCode, string>> = {
  'guest-failed': 'The guest runs on at the source. The cause says what it could not do.',
  'guest-left-paused': 'The guest is still owned by the source. Resume it by its own means.',
  'not-converged':
    'The guest runs on at the source. Allow a longer downtime or more rounds, use a faster link, or let it switch to post-copy.',
  'policy-failed': 'This is a mistake in the convergence policy. The guest runs on at the source.',
  'target-failed': 'The guest runs on at the source. Look at memory and space at the destination.',
  'peer-lost': 'The guest runs on at the source. Start again when the other side is reachable.',
  'peer-refused': 'The guest runs on at the source. The output of the destination says more.',
  'peer-aborted': 'The guest runs on at the source. The output of the source says more.',
  'version-mismatch': 'Use the same release on both sides.',
  'corrupt-stream': 'The guest runs on at the source. Start again.',
  'record-failed': 'The guest runs on at the source. Look at space and permissions where records are kept.',
  aborted: 'The guest runs on at the source. Start again when ready.',
  indeterminate:
    'Nobody can know from here whether the guest runs at the destination. It is kept here, paused. Look at the destination, then reconcile.',
  undecided:
    'Nobody can know from here whether the guest runs at the source. It is kept here, paused. Look at the source, then reconcile.',
  split:
    'The guest belongs to the destination, but some of its pages are only at the source. Keep both, then reconcile.',
};

/** An operating failure. Mistakes of the caller are TypeError and RangeError instead. */
export class MigrationError extends OperatingError<MigrationErrorCode> {
  override readonly name = 'MigrationError';

  constructor(code: MigrationErrorCode, message: string, options: OperatingErrorOptions = {}) {
    super(code, message, HINTS, options);
  }
}

/** Runs one step of an injected part; what it throws becomes the cause of a MigrationError, unless it is one already. */
export async function attempt<T>(
  code: MigrationErrorCode,
  step: string,
  run: () => T | Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw asMigrationError(error, code, step);
  }
}

export function asMigrationError(error: unknown, code: MigrationErrorCode, step: string): MigrationError {
  if (error instanceof MigrationError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new MigrationError(code, `${step}: ${why}`, { operands: { step }, cause: error });
}

import { OperatingError, type OperatingErrorOptions } from './operating-error.ts';

/**
 * What went wrong, as a word that scripts and exit codes can rely on.
 *
 * | code | meaning |
 * |---|---|
 * | `guest-failed` | the guest could not be opened, paused, read or resumed; it runs |
 * | `guest-left-paused` | resuming failed, again after disarming: the guest may stand still |
 * | `capture-failed` | the engine failed, or its store was full with `overflow: 'abort'` |
 * | `limiter-failed` | the policy threw, or returned something that is not a grant |
 * | `packer-failed` | pages could not be compressed: the packer was closed, or had no memory |
 * | `parent-failed` | the image that an increment builds on could not be read, or is not the one it was taken for |
 * | `sink-failed` | a local sink did not take the bytes |
 * | `source-failed` | a local source could not be read |
 * | `target-failed` | the receiving side could not store what arrived |
 * | `peer-lost` | the other side went away or was silent for too long |
 * | `peer-refused` | the receiving side said no, with a reason |
 * | `peer-aborted` | the sending side gave up, with a reason; or the receiving one, whose user ended it |
 * | `version-mismatch` | the other side or the image speaks a version that this one does not |
 * | `corrupt-stream` | the bytes break the format, or do not match their checksums or totals |
 * | `not-verified` | the image is whole, but the oracle says that it is not the guest at the cut |
 * | `aborted` | the caller's signal; `cause` is its reason |
 */
export type SnapshotErrorCode =
  | 'guest-failed'
  | 'guest-left-paused'
  | 'capture-failed'
  | 'limiter-failed'
  | 'packer-failed'
  | 'parent-failed'
  | 'sink-failed'
  | 'source-failed'
  | 'target-failed'
  | 'peer-lost'
  | 'peer-refused'
  | 'peer-aborted'
  | 'version-mismatch'
  | 'corrupt-stream'
  | 'not-verified'
  | 'aborted';

/** What a person can do, where the place of the failure knows nothing better. */
const HINTS: Readonly<Record<SnapshotErrorCode, string>> = {
  'guest-failed': 'The guest runs on and nothing was kept. The cause says what it could not do.',
  'guest-left-paused': 'The memory is disarmed. Resume the guest by its own means.',
  'capture-failed':
    'The guest runs on and nothing was kept. If the store was full, raise preImagesMaxBytes or choose overflow spill.',
  'limiter-failed': 'This is a mistake in the limiter: run its compliance suite, or choose another.',
  'packer-failed':
    'The guest runs on and nothing was kept. Take the picture without compression, or with fewer threads.',
  'parent-failed': 'The guest runs on and nothing was kept. Verify the parent, or take a full image.',
  'sink-failed':
    'Nothing was kept, and the guest runs on. Look at free space and permissions where the image goes.',
  'source-failed': 'Nothing was kept. Look at whether the image can be read.',
  'target-failed': 'Nothing was kept. Look at free space and permissions where the image goes.',
  'peer-lost': 'The guest runs on at the source. Start again when the other side is reachable.',
  'peer-refused': 'The guest runs on, and the destination keeps nothing. Its own output says more.',
  'peer-aborted': 'Nothing was kept here. The output of the source says more.',
  'version-mismatch': 'Use the same release on both sides, or a newer one to read.',
  'corrupt-stream': 'Do not use this image. Send or copy it again.',
  'not-verified': 'The image came whole, but it is not the guest at the cut. It was dropped.',
  aborted: 'Nothing was kept, and the guest runs on. Start again when ready.',
};

/** A second failure on the way out; it does not replace the first. */
export interface FailedCleanup {
  /** E.g. `capture.close`. */
  readonly step: string;
  readonly error: unknown;
}

/** An operating failure. Mistakes of the caller are TypeError and RangeError instead. */
export class SnapshotError extends OperatingError<SnapshotErrorCode> {
  override readonly name = 'SnapshotError';
  /** What else failed while leaving; empty almost always. */
  readonly failedCleanups: FailedCleanup[] = [];

  constructor(code: SnapshotErrorCode, message: string, options: OperatingErrorOptions = {}) {
    super(code, message, HINTS, options);
  }
}

/** Runs one step of an injected part; what it throws becomes the cause of a SnapshotError, unless it is one already. */
export async function attempt<T>(
  code: SnapshotErrorCode,
  step: string,
  run: () => T | Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw asSnapshotError(error, code, step);
  }
}

/** As `attempt`, for a step that does not wait. */
export function attemptNow<T>(code: SnapshotErrorCode, step: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw asSnapshotError(error, code, step);
  }
}

/** `error` itself when it is a SnapshotError, else one with `code` that names the step and carries `error` as its cause. */
export function asSnapshotError(error: unknown, code: SnapshotErrorCode, step: string): SnapshotError {
  if (error instanceof SnapshotError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const inner = error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : '';
  return new SnapshotError(code, `${step}: ${text}`, { operands: { step }, hint: inner, cause: error });
}

export function abortedError(what: string, reason: unknown): SnapshotError {
  return new SnapshotError('aborted', `${what} was aborted`, { cause: reason });
}

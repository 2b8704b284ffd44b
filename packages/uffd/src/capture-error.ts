/**
 * Why a capture failed. The guest runs on, disarmed, whatever it was.
 *
 * | code | meaning |
 * |---|---|
 * | `CAPTURE_STORE_FULL` | writers wrote faster than the sink took, and `overflow` is `abort` |
 * | `CAPTURE_SPILL_FAILED` | the disk of the spill file is full or broken |
 * | `CAPTURE_GUEST_DISCARDED` | the guest unmapped or discarded pages before they were captured |
 * | `CAPTURE_GUEST_REMAPPED` | the guest moved pages before they were captured |
 * | `CAPTURE_READ_FAILED` | guest memory could not be read |
 * | `CAPTURE_UFFD_FAILED` | the kernel refused to go on with the userfaultfd |
 * | `CAPTURE_GUEST_GONE` | the guest's process ended, or executes another program |
 * | `CAPTURE_DISARMED` | somebody else lifted the protection while pages were not captured |
 */
export type CaptureErrorCode =
  | 'CAPTURE_STORE_FULL'
  | 'CAPTURE_SPILL_FAILED'
  | 'CAPTURE_GUEST_DISCARDED'
  | 'CAPTURE_GUEST_REMAPPED'
  | 'CAPTURE_READ_FAILED'
  | 'CAPTURE_UFFD_FAILED'
  | 'CAPTURE_GUEST_GONE'
  | 'CAPTURE_DISARMED';

export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly code: CaptureErrorCode;
  /** What a person can do about it. */
  readonly hint: string;

  constructor(code: CaptureErrorCode, message: string, hint: string) {
    super(`${message}. ${hint}`);
    this.code = code;
    this.hint = hint;
  }
}

type Row = readonly [code: CaptureErrorCode, message: string, hint: string];

/** By the engine's number, see native/core/capture_shared.h; 0 is no failure. */
const FAILURES: readonly (Row | undefined)[] = [
  undefined,
  [
    'CAPTURE_STORE_FULL',
    'the pre-image store is full',
    'Raise preImagesMaxBytes, or use overflow: spill or stall',
  ],
  [
    'CAPTURE_SPILL_FAILED',
    'the spill file could not grow',
    'Free disk space, choose another spillDirectory, or raise preImagesMaxBytes',
  ],
  [
    'CAPTURE_GUEST_DISCARDED',
    'the guest discarded memory (munmap, madvise) that was not captured yet',
    'Try again at a quieter moment, or accept zeros in its place (discarded: zero); the guest was not harmed',
  ],
  [
    'CAPTURE_GUEST_REMAPPED',
    'the guest moved memory (mremap) that was not captured yet',
    'Try again at a quieter moment, or accept zeros in its place (discarded: zero); the guest was not harmed',
  ],
  [
    'CAPTURE_READ_FAILED',
    'guest memory could not be read',
    'Was it unmapped, or did its owner end? The rest of the guest was not harmed',
  ],
  [
    'CAPTURE_UFFD_FAILED',
    'the kernel refused an operation on the userfaultfd',
    'This is a bug or a kernel that behaves in a new way; probe() describes the machine',
  ],
  [
    'CAPTURE_GUEST_GONE',
    'the process ended or executes another program, before its memory was captured',
    'There is nothing left to take a picture of',
  ],
  [
    'CAPTURE_DISARMED',
    'the protection was lifted before every page was captured',
    'Was this process stopped (Ctrl-Z, SIGSTOP) for so long that the guest had to be freed? Take another picture',
  ],
];

const UNKNOWN: Row = ['CAPTURE_UFFD_FAILED', 'the capture failed for an unknown reason', 'This is a bug'];

/** The error for one of the engine's failure numbers. */
export function captureError(failure: number): CaptureError {
  const [code, message, hint] = FAILURES[failure] ?? UNKNOWN;
  return new CaptureError(code, message, hint);
}

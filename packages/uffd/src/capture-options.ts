import { tmpdir } from 'node:os';
import { argumentError } from './errors.ts';

export type Overflow = 'spill' | 'stall' | 'abort';

export type Discarded = 'fail' | 'zero';

export interface CaptureEngineOptions {
  /**
   * Bound on the memory that holds pre-images, in bytes; touched as far as it is used, a reserve of it when the capture is opened. Default
   * 256 MiB, never more than the guest needs. 0, only with `stall`: one page at a time, released when the sink has it.
   */
  readonly preImagesMaxBytes?: number;
  /** Store full: `spill` to an unlinked file, `stall` the writers until slabs are released, `abort` the capture. Default `spill`. */
  readonly overflow?: Overflow;
  /**
   * The guest throws pages away (munmap, madvise, mremap) after the cut and before they are captured, when nobody can read them any more:
   * `fail` the capture, or go on with `zero`s in their place, counted in `lostPages`. Default `fail`.
   */
  readonly discarded?: Discarded;
  /** Where the spill file is made. Default the system's directory for temporary files. */
  readonly spillDirectory?: string;
  /**
   * From the cut on the engine notes which pages change, and after the capture (`watch`) goes on to. Swept pages stay protected for that: the
   * first write to each page, between two captures too, waits for a thread of ours. Not in inline mode, with `userModeOnly`, or before Linux
   * 6.4, where it is ignored. Default false.
   */
  readonly notesChanges?: boolean;
  /** No privilege needed, but a system call that writes to an armed page fails with EFAULT instead of waiting. Default false. */
  readonly userModeOnly?: boolean;
}

export const PRE_IMAGES_DEFAULT_BYTES = 256 * 2 ** 20;

/** As the native engine takes them. */
export const OVERFLOW_NUMBERS: Readonly<Record<Overflow, number>> = { spill: 0, stall: 1, abort: 2 };
export const DISCARDED_NUMBERS: Readonly<Record<Discarded, number>> = { fail: 0, zero: 1 };

/** With the defaults filled in. @throws RangeError */
export function resolveCaptureOptions(
  options: CaptureEngineOptions,
): Required<Omit<CaptureEngineOptions, 'userModeOnly' | 'notesChanges'>> {
  const {
    preImagesMaxBytes = PRE_IMAGES_DEFAULT_BYTES,
    overflow = 'spill',
    spillDirectory = tmpdir(),
    discarded = 'fail',
  } = options;
  if (!Number.isSafeInteger(preImagesMaxBytes) || preImagesMaxBytes < 0) {
    throw argumentError(
      RangeError,
      `preImagesMaxBytes must be a whole number of bytes, not ${preImagesMaxBytes}`,
    );
  }
  if (!Object.hasOwn(OVERFLOW_NUMBERS, overflow)) {
    throw argumentError(RangeError, `overflow must be spill, stall or abort, not ${overflow as string}`);
  }
  if (preImagesMaxBytes === 0 && overflow !== 'stall') {
    throw argumentError(RangeError, 'preImagesMaxBytes 0 keeps nothing: it works only with overflow stall');
  }
  if (!Object.hasOwn(DISCARDED_NUMBERS, discarded)) {
    throw argumentError(RangeError, `discarded must be fail or zero, not ${discarded as string}`);
  }
  return { preImagesMaxBytes, overflow, spillDirectory, discarded };
}

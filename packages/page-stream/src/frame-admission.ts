import { PageStreamError } from './error.ts';
import { type FrameHeader, frameTypeName, isControlType } from './frame-header.ts';

/**
 * What every order of frames asks of a header: that it has the next sequence number of its kind, is allowed at its place, and is not one
 * too many of unknown type. Which frame is allowed where is the order's own matter (FORMAT.md, "Order" and "Migration streams").
 */
export class FrameAdmission {
  readonly #maxSkippedFrames: number;
  #imageSequence = 0;
  #controlSequence = 0;
  #skipped = 0;

  constructor(maxSkippedFrames: number) {
    this.#maxSkippedFrames = maxSkippedFrames;
  }

  /** Throws for the first of the three that does not hold, and then is not to be asked again. */
  admit(header: FrameHeader, isAllowed: boolean): void {
    const expected = isControlType(header.type) ? this.#controlSequence++ : this.#imageSequence++;
    if (header.sequence !== expected) {
      const message = `sequence number ${header.sequence}, expected ${expected}`;
      throw new PageStreamError('STREAM_SEQUENCE', header.offset + 16, message);
    }
    if (!isAllowed) {
      const message = `${frameTypeName(header.type)} is not allowed here`;
      throw new PageStreamError('STREAM_UNEXPECTED_FRAME', header.offset, message);
    }
    if (!header.known && ++this.#skipped > this.#maxSkippedFrames) {
      const message = `more than ${this.#maxSkippedFrames} frames of unknown type, which is maxSkippedFrames`;
      throw new PageStreamError('STREAM_LIMIT', header.offset, message);
    }
  }
}

/**
 * Why a hand-over of memory was not accepted. Nothing was served.
 *
 * | code | meaning |
 * |---|---|
 * | `HANDOFF_MESSAGE` | what came is not the list of mappings with its descriptors |
 * | `HANDOFF_LAYOUT` | the mappings do not fit the image, or have pages that it cannot fill |
 */
export type HandoffErrorCode = 'HANDOFF_MESSAGE' | 'HANDOFF_LAYOUT';

export class HandoffError extends Error {
  override readonly name = 'HandoffError';
  readonly code: HandoffErrorCode;
  /** What a person can do about it. */
  readonly hint: string;

  constructor(code: HandoffErrorCode, message: string, hint: string, cause?: unknown) {
    super(`${message}. ${hint}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

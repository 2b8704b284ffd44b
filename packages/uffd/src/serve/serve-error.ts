/**
 * What went wrong with memory that is filled when it is touched. Pages that are there stay.
 *
 * | code | meaning |
 * |---|---|
 * | `SERVE_UNSUPPORTED` | the kernel, or this kind of memory, cannot be served; the message says which |
 * | `SERVE_LOST` | pages could not be had, and are poisoned: touching one is SIGBUS |
 * | `SERVE_EXPOSED` | pages could not be had, and this kernel cannot poison them |
 * | `SERVE_MOVED` | the owner moved a part of the memory, or forked |
 * | `SERVE_KERNEL` | a page could not be installed |
 */
export type ServeErrorCode =
  | 'SERVE_UNSUPPORTED'
  | 'SERVE_LOST'
  | 'SERVE_EXPOSED'
  | 'SERVE_MOVED'
  | 'SERVE_KERNEL';

export class ServeError extends Error {
  override readonly name = 'ServeError';
  readonly code: ServeErrorCode;
  /** What a person can do about it. */
  readonly hint: string;

  constructor(code: ServeErrorCode, message: string, hint: string, cause?: unknown) {
    super(`${message}. ${hint}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

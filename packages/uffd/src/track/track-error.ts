/**
 * Why writes cannot be tracked. The memory and its writers are unharmed.
 *
 * | code | meaning |
 * |---|---|
 * | `TRACK_UNSUPPORTED` | the kernel lacks what this memory needs; the message names it |
 * | `TRACK_MEMORY_GONE` | tracked memory was unmapped, or other memory took its place that cannot be tracked |
 */
export type TrackErrorCode = 'TRACK_UNSUPPORTED' | 'TRACK_MEMORY_GONE';

export class TrackError extends Error {
  override readonly name = 'TrackError';
  readonly code: TrackErrorCode;
  /** What a person can do about it. */
  readonly hint: string;

  constructor(code: TrackErrorCode, message: string, hint: string, cause?: unknown) {
    super(`${message}. ${hint}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

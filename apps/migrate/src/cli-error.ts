/**
 * What the command line itself finds wrong.
 *
 * | code | meaning |
 * |---|---|
 * | `USAGE` | the arguments or the config file are wrong |
 * | `NOT_AVAILABLE` | asked for something that does not exist yet |
 * | `PEER_UNREACHABLE` | no connection |
 * | `REFUSED` | it could be done, but should not be |
 * | `FILE` | a file cannot be read or written |
 * | `DAMAGED` | an image is damaged where a guest that runs from it needs it |
 * | `DIFFERENT` | two images hold different memory |
 * | `CANCELLED` | `migrate ctl … cancel` |
 * | `TIMEOUT` | it took longer than `--timeout-s` |
 */
export type CliErrorCode =
  | 'USAGE'
  | 'NOT_AVAILABLE'
  | 'PEER_UNREACHABLE'
  | 'REFUSED'
  | 'FILE'
  | 'DAMAGED'
  | 'DIFFERENT'
  | 'CANCELLED'
  | 'TIMEOUT';

export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;
  /** What a person can do about it. */
  readonly hint: string;

  constructor(code: CliErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? '';
  }
}

/** The signal that ended a command, as the reason of its abort. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly code = 'INTERRUPTED';
  readonly signalNumber: number;

  constructor(signalName: string, signalNumber: number) {
    super(`interrupted by ${signalName}`);
    this.signalNumber = signalNumber;
  }
}

export interface OperatingErrorOptions {
  /** What the message speaks about, for machines: `step`, `byteOffset`, `stage` … */
  readonly operands?: Readonly<Record<string, string | number | boolean>>;
  /** What a person can do about it; the general hint of the code when not given, or empty. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The base of errors that name an operating failure by a stable `code`. Mistakes of the caller are TypeError and RangeError instead. Each
 * subclass has its own `name`, its own codes, and a general hint for each of them.
 */
export abstract class OperatingError<Code extends string> extends Error {
  readonly code: Code;
  /** What the message speaks about, for machines. */
  readonly operands: Readonly<Record<string, string | number | boolean>>;
  /** What a person can do about it. */
  readonly hint: string;

  constructor(
    code: Code,
    message: string,
    hints: Readonly<Record<Code, string>>,
    options: OperatingErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.operands = options.operands ?? {};
    this.hint = options.hint === undefined || options.hint === '' ? hints[code] : options.hint;
  }
}

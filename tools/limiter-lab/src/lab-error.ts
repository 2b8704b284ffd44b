/**
 * What goes wrong in the lab.
 *
 * | code | meaning | exit code |
 * |---|---|---|
 * | `LAB_USAGE` | a mistake on the command line | 2 |
 * | `LAB_NO_USERFAULTFD` | real runs are not possible here | 10 |
 * | `LAB_TRACE` | the trace cannot be used | 13 |
 * | `LAB_NO_BROWSER` | a picture was asked for and there is no Chromium | 16 |
 * | `LAB_BROWSER_FAILED` | Chromium made no picture | 16 |
 * | `LAB_OUTPUT` | a result could not be written | 16 |
 * | `LAB_RUN_FAILED` | a real run failed | 1 |
 */
export type LabErrorCode = keyof typeof EXIT_CODES;

const EXIT_CODES = {
  LAB_USAGE: 2,
  LAB_NO_USERFAULTFD: 10,
  LAB_TRACE: 13,
  LAB_NO_BROWSER: 16,
  LAB_BROWSER_FAILED: 16,
  LAB_OUTPUT: 16,
  LAB_RUN_FAILED: 1,
} as const;

export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code: LabErrorCode;
  /** What a person can do. */
  readonly hint: string;

  constructor(code: LabErrorCode, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

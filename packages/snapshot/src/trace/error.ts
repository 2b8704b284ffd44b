/**
 * What is wrong with a trace.
 *
 * | code | meaning |
 * |---|---|
 * | `TRACE_FORMAT` | the first line is not that of a trace |
 * | `TRACE_VERSION` | it is of another version |
 * | `TRACE_LINE` | a line is no JSON, is too long, or lacks what it should have |
 * | `TRACE_TRUNCATED` | it does not end with `end`: the process was killed, or its disk failed |
 */
export type TraceErrorCode = 'TRACE_FORMAT' | 'TRACE_VERSION' | 'TRACE_LINE' | 'TRACE_TRUNCATED';

export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: TraceErrorCode;
  /** Counted from 1. */
  readonly line: number;
  readonly hint: string;

  constructor(code: TraceErrorCode, line: number, message: string, hint: string, cause?: unknown) {
    super(`line ${line}: ${message}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.line = line;
    this.hint = hint;
  }
}

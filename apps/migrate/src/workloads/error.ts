/**
 * What went wrong with a workload or its oracle, as a stable word.
 *
 * | code | meaning |
 * |---|---|
 * | `WORKLOAD_SPEC` | the name or a parameter of `--workload` is wrong: a mistake of the caller |
 * | `WORKLOAD_START` | a worker did not come up |
 * | `WORKLOAD_WRITER_DIED` | a writer ended by itself; the cut would not be trustworthy |
 * | `WORKLOAD_STOPPED` | used after `stop()` |
 * | `WORKLOAD_RESUMED` | resumed before all writers were at rest |
 * | `WORKLOAD_NOT_PAUSED` | needs a paused workload |
 * | `WORKLOAD_MEMORY_GREW` | the memory grew after its ranges were read: the image would lack pages |
 * | `WORKLOAD_FULL` | the data no longer fits into the memory |
 * | `WORKLOAD_MEMORY_CORRUPT` | the content of the memory contradicts itself; `offset` says where |
 * | `WORKLOAD_STATE_INVALID` | the state in an image cannot be read; `offset` says where |
 * | `WORKLOAD_ORACLE_TIMEOUT` | verifying took longer than allowed |
 */
export type WorkloadErrorCode = keyof typeof hints;

const hints = {
  WORKLOAD_SPEC: 'Write NAME or NAME,key=value,…; `migrate source --help` lists names, keys and defaults.',
  WORKLOAD_START:
    'The cause says what failed. The app must be built, and the memory it asks for must be available.',
  WORKLOAD_WRITER_DIED:
    'The workload is broken, not the snapshot. Start it again; the cause says what the writer met.',
  WORKLOAD_STOPPED: 'Start the workload again.',
  WORKLOAD_RESUMED: 'Do not resume while a pause is still wanted.',
  WORKLOAD_NOT_PAUSED: 'Call pause() and wait for it first.',
  WORKLOAD_MEMORY_GREW: 'Start the snapshot again; a larger size= makes growth rarer.',
  WORKLOAD_FULL: 'Give the workload more memory with size=.',
  WORKLOAD_MEMORY_CORRUPT: 'The memory was overwritten by something that is not this workload.',
  WORKLOAD_STATE_INVALID: 'The image is damaged, or was made by another version.',
  WORKLOAD_ORACLE_TIMEOUT:
    'The image claims more work than can be replayed in the time allowed. Allow more, or refuse it.',
} as const;

export interface WorkloadErrorOptions {
  readonly cause?: unknown;
  readonly hint?: string;
  /** Byte offset in the state or the memory that is wrong. */
  readonly offset?: number;
}

export class WorkloadError extends Error {
  override readonly name = 'WorkloadError';
  readonly code: WorkloadErrorCode;
  readonly hint: string;
  readonly offset: number | undefined;

  constructor(code: WorkloadErrorCode, message: string, options: WorkloadErrorOptions = {}) {
    const where = options.offset === undefined ? '' : ` (at byte ${options.offset})`;
    super(message + where, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? hints[code];
    this.offset = options.offset;
  }
}

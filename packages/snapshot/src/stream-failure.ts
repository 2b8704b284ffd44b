import { PageStreamError } from '@stillframe/page-stream';
import { asSnapshotError, SnapshotError, type SnapshotErrorCode } from './error.ts';

const VERSION_CODES: ReadonlySet<string> = new Set(['STREAM_VERSION', 'STREAM_FEATURE']);

/** Whether a code, also one that a peer sent, says that the two sides speak different versions. */
export function isVersionCode(code: string): boolean {
  return VERSION_CODES.has(code);
}

/** What a reader could not believe, as a SnapshotError with the place of it. Anything else is given back as it is. */
export function asStreamFailure(error: unknown): unknown {
  if (!(error instanceof PageStreamError)) return error;
  return failureOf(error, isVersionCode(error.code) ? 'version-mismatch' : 'corrupt-stream');
}

/**
 * What an encoder could not say: STREAM_LIMIT is the reader's refusal of an image this large, what else is wrong with a stream is wrong with the
 * parent, and anything else has `code`.
 */
export function asEncodingFailure(error: unknown, code: SnapshotErrorCode, step: string): SnapshotError {
  if (error instanceof PageStreamError) {
    return failureOf(error, error.code === 'STREAM_LIMIT' ? 'peer-refused' : 'parent-failed');
  }
  return new SnapshotError(code, `${step}: ${error instanceof Error ? error.message : String(error)}`, {
    operands: { step },
    cause: error,
  });
}

/** What went wrong while pages were packed: mostly in the packer. */
export function asPackingFailure(error: unknown): SnapshotError {
  return error instanceof PageStreamError
    ? asEncodingFailure(error, 'packer-failed', 'pack pages')
    : asSnapshotError(error, 'packer-failed', 'pack pages');
}

function failureOf(error: PageStreamError, code: SnapshotErrorCode): SnapshotError {
  return new SnapshotError(code, error.message, {
    operands: { streamCode: error.code, byteOffset: error.offset },
    hint: error.hint,
    cause: error,
  });
}

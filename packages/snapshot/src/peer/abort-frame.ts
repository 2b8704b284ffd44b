import { type ControlEncoder, PageStreamError } from '@stillframe/page-stream';
import { SnapshotError } from '../error.ts';

/** Tells the other side why this one gives up: the most exact code there is, and one line for a person. */
export function abortFrame(control: ControlEncoder, reason: unknown): Uint8Array {
  return control.abort({ code: codeOf(reason), message: reason instanceof Error ? reason.message : '' });
}

function codeOf(reason: unknown): string {
  if (!(reason instanceof SnapshotError)) return 'UNKNOWN';
  return reason.cause instanceof PageStreamError ? reason.cause.code : reason.code;
}

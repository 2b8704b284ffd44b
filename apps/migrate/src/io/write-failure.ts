import { CliError } from '../cli-error.ts';
import { showBytes } from '../report/units.ts';

/** How far a file had come. */
export interface WriteProgress {
  readonly path: string;
  readonly writtenBytes: number;
  /** What the whole will take at most; undefined when nobody knows. */
  readonly neededBytes?: number | undefined;
}

const PERMISSIONS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS']);

/** What the file system said, as CliError FILE with a hint. One that is told already stays as it is. */
export function writeFailure(cause: unknown, progress: WriteProgress): unknown {
  if (cause instanceof CliError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return new CliError('FILE', `cannot write ${progress.path}`, { cause, hint: hintOf(code, progress) });
}

function hintOf(code: string, { writtenBytes, neededBytes }: WriteProgress): string {
  const needed = neededBytes === undefined ? '' : `, and up to ${showBytes(neededBytes)} are needed`;
  const room = `There was room for ${showBytes(writtenBytes)} of it${needed}.`;
  if (code === 'ENOSPC') return `${room} Make room, or name a place on another file system.`;
  if (code === 'EDQUOT') return `${room} Your quota is used up: raise it, or name another place.`;
  if (code === 'EFBIG') return `${room} Files may not be larger here: see ulimit -f, and the file system.`;
  if (PERMISSIONS.has(code)) return 'Name a place that you may write to.';
  return 'The disk or its file system failed: see dmesg. Name a place on another one.';
}

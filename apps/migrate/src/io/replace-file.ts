import path from 'node:path';
import { CliError } from '../cli-error.ts';
import type { FileOps } from './file-ops.ts';

/** File systems without links say so in many ways, and so does a kernel that protects the files of others. */
const NO_LINKS: ReadonlySet<string> = new Set([
  'EPERM',
  'EACCES',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
  'EINVAL',
]);

type Before = 'kept' | 'there was none' | 'cannot be kept';

/**
 * Gives `temporaryPath` the name `finalPath`, durably, or leaves the name as it was: a file that has it keeps a second one meanwhile, and gets the
 * first one back when the directory cannot be written. Then `temporaryPath` is gone, too.
 *
 * Rejects with what the file system said; with CliError FILE where it could not go back and the new file, whole, has the name: file systems without
 * links, or broken ones.
 */
export async function replaceFile(ops: FileOps, temporaryPath: string, finalPath: string): Promise<void> {
  // Opened before anything changes: a directory that cannot be opened is no reason to go back.
  const directory = await ops.open(path.dirname(finalPath), 'r');
  try {
    const keptPath = `${temporaryPath}.before`;
    const before = await keep(ops, finalPath, keptPath);
    try {
      await ops.rename(temporaryPath, finalPath);
    } catch (error) {
      if (before === 'kept') await ops.unlink(keptPath);
      throw error;
    }
    try {
      await directory.sync();
    } catch (error) {
      await goBack(ops, finalPath, keptPath, before).catch(() => {
        throw new CliError('FILE', `${finalPath} is new and whole, but may not survive a power failure`, {
          cause: error,
          hint: 'The disk or its file system failed: see dmesg. Copy the file to another one.',
        });
      });
      throw error;
    }
    // What is left of the old one does no harm, and the new one is there.
    if (before === 'kept') await ops.unlink(keptPath).catch(() => undefined);
  } finally {
    await directory.close().catch(() => undefined);
  }
}

async function keep(ops: FileOps, finalPath: string, keptPath: string): Promise<Before> {
  try {
    await ops.link(finalPath, keptPath);
    return 'kept';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code === 'ENOENT') return 'there was none';
    if (NO_LINKS.has(code)) return 'cannot be kept';
    throw error;
  }
}

async function goBack(ops: FileOps, finalPath: string, keptPath: string, before: Before): Promise<void> {
  if (before === 'kept') await ops.rename(keptPath, finalPath);
  else if (before === 'there was none') await ops.unlink(finalPath);
  else throw new Error('what had the name could not be kept');
}

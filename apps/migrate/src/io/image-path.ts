import { access, constants, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { CliError } from '../cli-error.ts';

/**
 * The path that a file is to have, links followed: a rename to a link would put the file in the place of the link.
 *
 * Throws CliError FILE where a file cannot be: for a directory, and above all for a device, which a rename would replace. Looking at it
 * before the work begins spares a person the wait.
 */
export async function imagePath(wanted: string): Promise<string> {
  const found = await stat(wanted).catch(unlessMissing);
  if (found === undefined) {
    const folder = path.dirname(wanted);
    const parent = await stat(folder).catch(unlessMissing);
    if (parent?.isDirectory() === true) {
      await assertWritable(folder);
      return wanted;
    }
    throw new CliError('FILE', `${folder} is not a directory`, {
      hint: 'Make it first, or correct the path.',
    });
  }
  if (found.isFile()) {
    const real = await realpath(wanted);
    await assertWritable(path.dirname(real));
    return real;
  }
  throw new CliError('FILE', `${wanted} is not a plain file`, {
    hint: 'An image replaces what has its name. Name a file, or nothing that exists.',
  });
}

/** A file that is replaced, too, needs room for another one beside it. */
async function assertWritable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new CliError('FILE', `no file can be made in ${folder}`, {
      hint: 'Name a place that you may write to.',
      cause,
    });
  }
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}

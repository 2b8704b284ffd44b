import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CliError } from '../cli-error.ts';

/** Certificate chains and bundles of authorities are smaller; keys by far. */
export const CREDENTIAL_FILE_MAX_BYTES = 1 << 20;

/** Permission bits of everybody but the owner. */
const OTHERS = 0o077;

/** As `readCredentialFile`, for what others must not know. Rejects with REFUSED where they could read or change it. */
export function readSecretFile(path: string, flag: string): Promise<Buffer> {
  return readChecked(path, flag, ({ mode }) => {
    if ((mode & OTHERS) === 0) return;
    const shown = (mode & 0o777).toString(8).padStart(3, '0');
    throw new CliError('REFUSED', `${flag}: others can read or change ${path} (mode ${shown})`, {
      hint: `chmod 600 ${path}; and if others could read it, make a new key.`,
    });
  });
}

/** Rejects with FILE when it cannot be read, is no regular file, or is larger than `CREDENTIAL_FILE_MAX_BYTES`. */
export function readCredentialFile(path: string, flag: string): Promise<Buffer> {
  return readChecked(path, flag, () => undefined);
}

async function readChecked(
  path: string,
  flag: string,
  check: (stat: { mode: number }) => void,
): Promise<Buffer> {
  await using file = await openFile(path, flag);
  // Of what was opened, not of what has the name by now.
  const stat = await file.stat();
  if (!stat.isFile()) {
    throw new CliError('FILE', `${flag}: ${path} is no regular file`, { hint: 'Name a file.' });
  }
  check(stat);
  if (stat.size > CREDENTIAL_FILE_MAX_BYTES) {
    throw new CliError('FILE', `${flag}: ${path} is larger than ${CREDENTIAL_FILE_MAX_BYTES} bytes`, {
      hint: 'Is it the right file?',
    });
  }
  const buffer = Buffer.alloc(stat.size);
  const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, 0);
  return buffer.subarray(0, bytesRead);
}

async function openFile(path: string, flag: string): Promise<FileHandle> {
  try {
    // A pipe that nobody writes to would wait for ever.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new CliError('FILE', `${flag}: ${path} cannot be read`, {
      hint: 'Does it exist, and is it yours to read?',
      cause,
    });
  }
}

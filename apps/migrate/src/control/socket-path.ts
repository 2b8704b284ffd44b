import { once } from 'node:events';
import { lstat, unlink } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { CliError } from '../cli-error.ts';
import { SOCKET_PATH_MAX_BYTES } from './limits.ts';

/** Throws CliError USAGE for a path that no socket can have: the kernel would cut it off. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > 0 && bytes <= SOCKET_PATH_MAX_BYTES && !path.includes('\0')) return;
  throw new CliError(
    'USAGE',
    bytes === 0
      ? 'the path of the control socket is empty'
      : `the path of the control socket has ${bytes} bytes`,
    { hint: `At most ${SOCKET_PATH_MAX_BYTES} bytes; /run/user/UID/name.sock is short.` },
  );
}

/**
 * Listens by `listen`; what is in the way is removed when it is a socket on which nobody answers: its owner was killed.
 *
 * Not handled: two that start at the same moment and both find the same dead socket. The later one wins.
 *
 * @throws CliError USAGE for a path that is too long, REFUSED when something else is there, FILE when the path cannot be had.
 */
export async function claimSocketPath(path: string, listen: () => Promise<void>): Promise<void> {
  checkSocketPath(path);
  try {
    await listen();
  } catch (error) {
    if (!isErrno(error, 'EADDRINUSE')) throw cannotListen(path, error);
    await refuseUnlessDead(path);
    try {
      await unlink(path);
      await listen();
    } catch (again) {
      throw cannotListen(path, again);
    }
  }
}

async function refuseUnlessDead(path: string): Promise<void> {
  const isSocket = await lstat(path).then((stats) => stats.isSocket());
  if (!isSocket) {
    throw new CliError('REFUSED', `${path} exists and is not a socket`, {
      hint: 'Choose another --control PATH.',
    });
  }
  const client = createConnection(path);
  try {
    await once(client, 'connect');
  } catch (error) {
    if (isErrno(error, 'ECONNREFUSED')) return;
    throw cannotListen(path, error);
  } finally {
    client.destroy();
  }
  throw new CliError('REFUSED', `somebody answers at ${path} already`, {
    hint: 'Choose another --control PATH.',
  });
}

function cannotListen(path: string, cause: unknown): CliError {
  return new CliError('FILE', `cannot listen on ${path}`, {
    hint: 'Is its folder there, and may it be written to?',
    cause,
  });
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

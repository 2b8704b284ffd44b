import { constants, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ByteSource } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';

export interface FileSource extends ByteSource, AsyncDisposable {
  readonly sizeBytes: number;
  /** `length` bytes at `offset`, fewer only at the end; does not move `read`. Waits for the disk, so only for headers. */
  readAt(offset: number, length: number): Uint8Array;
}

/** Without O_NONBLOCK a named pipe would hold us until somebody writes to it. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/** An image file as a byte source. Throws CliError FILE when it cannot be read. */
export async function openFileSource(path: string): Promise<FileSource> {
  const handle = await open(path, OPEN_FLAGS).catch((cause: unknown) => {
    throw new CliError('FILE', `cannot open ${path}`, {
      cause,
      hint: 'Is the path right, and may you read it?',
    });
  });
  const stats = await handle.stat().catch(async (error: unknown) => {
    await handle.close();
    throw error;
  });
  if (!stats.isFile()) {
    await handle.close();
    throw new CliError('FILE', `${path} is not a file`, {
      hint: 'An image is a file that `migrate snapshot` or `migrate dest` wrote.',
    });
  }
  return {
    sizeBytes: stats.size,
    read: async (into) => (await handle.read(into, 0, into.byteLength)).bytesRead,
    readAt(offset, length) {
      const bytes = new Uint8Array(Math.min(length, Math.max(0, stats.size - offset)));
      let filled = 0;
      while (filled < bytes.length) {
        const count = readSync(handle.fd, bytes, filled, bytes.length - filled, offset + filled);
        if (count === 0) break;
        filled += count;
      }
      return bytes.subarray(0, filled);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

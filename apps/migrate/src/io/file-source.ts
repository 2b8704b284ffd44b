import { open } from 'node:fs/promises';
import type { ByteSource } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';

export interface FileSource extends ByteSource, AsyncDisposable {
  readonly sizeBytes: number;
}

/** An image file as a byte source. Throws CliError FILE when it cannot be read. */
export async function openFileSource(path: string): Promise<FileSource> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new CliError('FILE', `cannot open ${path}`, {
      cause,
      hint: 'Is the path right, and may you read it?',
    });
  });
  const stats = await handle.stat();
  if (!stats.isFile()) {
    await handle.close();
    throw new CliError('FILE', `${path} is not a file`, {
      hint: 'An image is a file that `migrate snapshot` or `migrate dest` wrote.',
    });
  }
  return {
    sizeBytes: stats.size,
    read: async (into) => (await handle.read(into, 0, into.byteLength)).bytesRead,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

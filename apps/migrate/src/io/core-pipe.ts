import { randomBytes } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CoreFile } from '@stillframe/guests/core';
import { writeAt } from './write-at.ts';

/** Only we may read memory. */
const FILE_MODE = 0o600;
const CHUNK_BYTES = 2 ** 20;

/** Takes bytes in order; resolves when they may be reused. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>;

/**
 * A core for a pipe. Pages come in any order and a pipe takes them in one: they wait in a file without a name in `folder`, and go out
 * with the commit. So the pipe gets a complete core or nothing.
 */
export async function openCorePipe(write: WriteBytes, folder = tmpdir()): Promise<CoreFile> {
  const name = path.join(folder, `.core.${randomBytes(6).toString('hex')}.partial`);
  const handle = await open(name, 'wx+', FILE_MODE);
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await handle.close();
  };
  try {
    await unlink(name);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    write: (buffers, offset) => writeAt(handle, buffers, offset),
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    async commit() {
      await copyOut(handle, write);
      await close();
    },
    discard: close,
  };
}

async function copyOut(handle: FileHandle, write: WriteBytes): Promise<void> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let at = 0; ; ) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return;
    // oxlint-disable-next-line no-await-in-loop -- in order
    await write(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

import { type FileHandle, open, rm } from 'node:fs/promises';
import type { CoreFile } from '../src/core/index.ts';

/** A core file at a path. */
export class CoreOnDisk implements CoreFile {
  readonly #path: string;
  readonly #handle: FileHandle;

  static async create(path: string): Promise<CoreOnDisk> {
    return new CoreOnDisk(path, await open(path, 'w'));
  }

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  async write(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    let at = offset;
    for (const buffer of buffers) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { bytesWritten } = await this.#handle.write(buffer, 0, buffer.length, at);
      if (bytesWritten !== buffer.length) throw new Error('the disk is full');
      at += bytesWritten;
    }
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#handle.truncate(sizeBytes);
  }

  async commit(): Promise<void> {
    await this.#handle.close();
  }

  async discard(): Promise<void> {
    await this.#handle.close();
    await rm(this.#path);
  }
}

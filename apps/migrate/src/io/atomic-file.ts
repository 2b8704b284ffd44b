import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import path from 'node:path';
import { SealedWriter, type SealKey } from '@stillframe/sealed-file';
import { NOTHING_TAKEN, writeAt } from './write-at.ts';
import { imagePath } from './image-path.ts';

/** The file system calls that a file is made with; injected so that each can be made to fail. */
export interface FileOps {
  open(path: string, flags: string, mode?: number): Promise<FileHandle>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

const realOps: FileOps = { open, rename, unlink };

/** Only the owner may read memory. */
const IMAGE_MODE = 0o600;

/**
 * A file that is under its final name only once it is complete and durable (I-7).
 *
 * Written under a temporary name in the same directory, with random letters, so that what a killed run left behind is in nobody's way.
 */
export class AtomicFile {
  readonly path: string;
  readonly temporaryPath: string;
  readonly #ops: FileOps;
  readonly #handle: FileHandle;
  /** Of a sealed file. */
  #seal: SealedWriter | undefined;
  #isComplete = false;
  #state: 'open' | 'committed' | 'discarded' = 'open';

  private constructor(finalPath: string, temporaryPath: string, handle: FileHandle, ops: FileOps) {
    this.path = finalPath;
    this.temporaryPath = temporaryPath;
    this.#handle = handle;
    this.#ops = ops;
  }

  /**
   * With `key` the file is sealed, and can only be appended to. Throws CliError FILE for a name that no file can have, and what opening the temporary file
   * fails with.
   */
  static async create(wantedPath: string, ops: FileOps = realOps, key?: SealKey): Promise<AtomicFile> {
    const finalPath = await imagePath(wantedPath);
    const name = `.${path.basename(finalPath)}.${randomBytes(6).toString('hex')}.partial`;
    const temporaryPath = path.join(path.dirname(finalPath), name);
    const handle = await ops.open(temporaryPath, 'wx+', IMAGE_MODE);
    const file = new AtomicFile(finalPath, temporaryPath, handle, ops);
    if (key === undefined) return file;
    try {
      file.#seal = await SealedWriter.create((iovecs) => writeAll(handle, iovecs), key);
      return file;
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  /** Appends all bytes; a short write is gone on with. The buffers may be reused when this resolves. */
  async append(iovecs: readonly Uint8Array[]): Promise<void> {
    if (this.#seal === undefined) await writeAll(this.#handle, iovecs);
    else await this.#seal.append(iovecs);
  }

  /** As `append`, at a place of its own. */
  async write(iovecs: readonly Uint8Array[], offset: number): Promise<void> {
    this.#assertPlain();
    await writeAt(this.#handle, iovecs, offset);
  }

  /** Sets the size; what was never written reads as zeros and takes no room. */
  async truncate(sizeBytes: number): Promise<void> {
    this.#assertPlain();
    await this.#handle.truncate(sizeBytes);
  }

  /** After the last `append`: the temporary file can be read back. Idempotent. */
  async complete(): Promise<void> {
    if (this.#isComplete) return;
    this.#isComplete = true;
    await this.#seal?.finish();
  }

  /** Completes; fsync, rename, fsync of the directory. */
  async commit(): Promise<void> {
    await this.complete();
    await this.#handle.sync();
    await this.#ops.rename(this.temporaryPath, this.path);
    this.#state = 'committed';
    await this.#handle.close();
    const directory = await this.#ops.open(path.dirname(this.path), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  /** Takes away what was written. Idempotent; after `commit` it does nothing. */
  async discard(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'discarded';
    await this.#handle.close();
    await this.#ops.unlink(this.temporaryPath);
  }

  #assertPlain(): void {
    if (this.#seal !== undefined) throw new Error('a sealed file is only appended to');
  }
}

/** Writes all bytes at the file's own position; a short write is gone on with. */
async function writeAll(handle: FileHandle, iovecs: readonly Uint8Array[]): Promise<void> {
  let rest = iovecs.filter((bytes) => bytes.byteLength > 0);
  while (rest.length > 0) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const { bytesWritten } = await handle.writev(rest.slice(0, IOVECS_MAX));
    if (bytesWritten === 0) throw new Error(NOTHING_TAKEN);
    rest = withoutFirst(rest, bytesWritten);
  }
}

/** IOV_MAX of Linux: more buffers in one writev fail with EINVAL. */
const IOVECS_MAX = 1024;

function withoutFirst(iovecs: Uint8Array[], sizeBytes: number): Uint8Array[] {
  let left = sizeBytes;
  let index = 0;
  while (index < iovecs.length && left >= iovecs[index]!.byteLength) {
    left -= iovecs[index]!.byteLength;
    index += 1;
  }
  const rest = iovecs.slice(index);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

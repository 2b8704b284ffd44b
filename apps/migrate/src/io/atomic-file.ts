import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { SealedWriter, type SealKey } from '@stillframe/sealed-file';
import { type FileOps, type OpenedFile, realOps } from './file-ops.ts';
import { imagePath } from './image-path.ts';
import { replaceFile } from './replace-file.ts';
import { NOTHING_TAKEN, writeAt } from './write-at.ts';
import { writeFailure } from './write-failure.ts';

export interface AtomicFileOptions {
  readonly ops?: FileOps | undefined;
  /** Seals the file: it can only be appended to then. */
  readonly key?: SealKey | undefined;
}

/** Only the owner may read memory. */
const IMAGE_MODE = 0o600;

/**
 * A file that is under its final name only once it is complete and durable (I-7).
 *
 * Written under a temporary name in the same directory, with random letters, so that what a killed run left behind is in nobody's way. What the
 * file system refuses is CliError FILE, with a hint; then `discard` takes the file away, and what had its name is as it was.
 */
export class AtomicFile {
  readonly path: string;
  readonly temporaryPath: string;
  /** What the file will take at most, when that is known: a hint for whoever has not enough. */
  neededBytes: number | undefined;
  readonly #ops: FileOps;
  readonly #handle: OpenedFile;
  /** Of a sealed file. */
  #seal: SealedWriter | undefined;
  #writtenBytes = 0;
  #failure: unknown;
  #isComplete = false;
  #isClosed = false;
  #state: 'open' | 'committed' | 'discarded' = 'open';

  private constructor(finalPath: string, temporaryPath: string, handle: OpenedFile, ops: FileOps) {
    this.path = finalPath;
    this.temporaryPath = temporaryPath;
    this.#handle = handle;
    this.#ops = ops;
  }

  /** Rejects with CliError FILE, also for a name that no file can have. */
  static async create(
    wantedPath: string,
    { ops = realOps, key }: AtomicFileOptions = {},
  ): Promise<AtomicFile> {
    const finalPath = await imagePath(wantedPath);
    const name = `.${path.basename(finalPath)}.${randomBytes(6).toString('hex')}.partial`;
    const temporaryPath = path.join(path.dirname(finalPath), name);
    const handle = await ops.open(temporaryPath, 'wx+', IMAGE_MODE).catch((cause: unknown) => {
      throw writeFailure(cause, { path: finalPath, writtenBytes: 0 });
    });
    const file = new AtomicFile(finalPath, temporaryPath, handle, ops);
    if (key === undefined) return file;
    try {
      file.#seal = await SealedWriter.create((iovecs) => file.#append(iovecs), key);
      return file;
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  /** Appends all bytes; a short write is gone on with. The buffers may be reused when this resolves. */
  async append(iovecs: readonly Uint8Array[]): Promise<void> {
    if (this.#seal === undefined) await this.#append(iovecs);
    else await this.#seal.append(iovecs);
  }

  /** As `append`, at a place of its own. */
  async write(iovecs: readonly Uint8Array[], offset: number): Promise<void> {
    this.#assertPlain();
    await this.#step(() => writeAt(this.#handle, iovecs, offset));
    for (const { byteLength } of iovecs) this.#writtenBytes += byteLength;
  }

  /** Sets the size; what was never written reads as zeros and takes no room. */
  async truncate(sizeBytes: number): Promise<void> {
    this.#assertPlain();
    await this.#step(() => this.#handle.truncate(sizeBytes));
  }

  /** After the last `append`: the temporary file can be read back. Idempotent. */
  async complete(): Promise<void> {
    if (this.#isComplete) return;
    this.#isComplete = true;
    await this.#seal?.finish();
  }

  /** Completes; all that needs room: fsync, and close, which may tell of a write that failed late. Idempotent. */
  async prepare(): Promise<void> {
    await this.complete();
    if (this.#isClosed) return;
    await this.#step(async () => {
      await this.#handle.sync();
      await this.#close();
    });
  }

  /** Prepares; rename, fsync of the directory. */
  async commit(): Promise<void> {
    await this.prepare();
    await this.#step(() => replaceFile(this.#ops, this.temporaryPath, this.path));
    this.#state = 'committed';
  }

  /** Takes away what was written. Idempotent; after `commit` it does nothing. Rejects with CliError FILE when it cannot. */
  async discard(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'discarded';
    // What it says of writes that failed late does not matter any more.
    await this.#close().catch(() => undefined);
    await this.#ops.unlink(this.temporaryPath).catch((error: NodeJS.ErrnoException) => {
      // Gone with a name that was given and could not be taken back, or by somebody else's hand.
      if (error.code === 'ENOENT') return;
      error.cause ??= this.#failure;
      throw writeFailure(error, { path: this.temporaryPath, writtenBytes: this.#writtenBytes });
    });
  }

  async #append(iovecs: readonly Uint8Array[]): Promise<void> {
    await this.#step(() => writeAll(this.#handle, iovecs, (count) => (this.#writtenBytes += count)));
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    // Also when it fails: Linux has given the descriptor back.
    this.#isClosed = true;
    await this.#handle.close();
  }

  async #step(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const { path: finalPath, neededBytes } = this;
      this.#failure = writeFailure(cause, { path: finalPath, neededBytes, writtenBytes: this.#writtenBytes });
      throw this.#failure;
    }
  }

  #assertPlain(): void {
    if (this.#seal !== undefined) throw new Error('a sealed file is only appended to');
  }
}

/** Writes all bytes at the file's own position; a short write is gone on with. */
async function writeAll(
  handle: OpenedFile,
  iovecs: readonly Uint8Array[],
  onWritten: (byteCount: number) => void,
): Promise<void> {
  let rest = iovecs.filter((bytes) => bytes.byteLength > 0);
  while (rest.length > 0) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    const { bytesWritten } = await handle.writev(rest.slice(0, IOVECS_MAX));
    if (bytesWritten === 0) throw new Error(NOTHING_TAKEN);
    onWritten(bytesWritten);
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

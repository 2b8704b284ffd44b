import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { GuestState, Region, Target } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';
import type { OpenedFile } from './file-ops.ts';
import { memoryFileNames } from './memory-file-names.ts';
import { NOTHING_TAKEN } from './write-at.ts';
import { writeFailure } from './write-failure.ts';

/** The file system calls that a directory is made with; injected so that each can be made to fail. */
export interface DirectoryOps {
  open(path: string, flags: string | number, mode?: number): Promise<OpenedFile>;
  mkdir(path: string, options: { mode: number }): Promise<unknown>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { recursive: boolean; force: boolean }): Promise<void>;
}

const realOps: DirectoryOps = { open, mkdir, rename, rm };

/** Only the owner may read memory. */
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * An image as raw files: `NAME.mem` for each region, sparse where it is zero, `state.bin`, and `manifest.json` that says what is what.
 *
 * Written into a directory with random letters next to the final one, which appears at the commit, complete and durable (I-7). One
 * file is open at a time, and one to be read, because an image may have more regions than a process may have files. What the file
 * system refuses is CliError FILE, with a hint; then `discard` leaves neither directory.
 */
export class DirectoryTarget implements Target {
  readonly #path: string;
  readonly #temporaryPath: string;
  #regions: readonly Region[] = [];
  #names: readonly string[] = [];
  #streamId = '';
  #state: Pick<GuestState, 'kind'> & { sizeBytes: number } = { kind: '', sizeBytes: 0 };
  #reading: { readonly id: number; readonly descriptor: number } | undefined;
  #writtenBytes = 0;
  #stage: 'new' | 'open' | 'committed' | 'discarded' = 'new';
  readonly #ops: DirectoryOps;

  constructor(directory: string, ops: DirectoryOps = realOps) {
    this.#ops = ops;
    this.#path = path.resolve(directory);
    const name = `.${path.basename(this.#path)}.${randomBytes(6).toString('hex')}.partial`;
    this.#temporaryPath = path.join(path.dirname(this.#path), name);
  }

  /** Throws CliError REFUSED when something has the final name already. */
  async assertFree(): Promise<void> {
    const isTaken = await lstat(this.#path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return false;
      },
    );
    if (isTaken) {
      throw new CliError('REFUSED', `${this.#path} exists`, {
        hint: 'Name a directory that does not exist: nothing is overwritten.',
      });
    }
  }

  async allocate(regions: readonly Region[], streamId: Uint8Array): Promise<void> {
    await this.assertFree();
    this.#regions = regions;
    await this.#step(() => this.#ops.mkdir(this.#temporaryPath, { mode: DIRECTORY_MODE }));
    this.#stage = 'open';
    this.#names = memoryFileNames(regions.map(({ name }) => name));
    this.#streamId = Buffer.from(streamId).toString('hex');
    for (const [id, { sizeBytes }] of regions.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- one file open at a time
      await this.#withFile(this.#names[id]!, 'wx', (file) => file.truncate(sizeBytes));
    }
  }

  async writeState({ kind, bytes }: GuestState): Promise<void> {
    this.#state = { kind, sizeBytes: bytes.byteLength };
    await this.#withFile('state.bin', 'wx', (file) => this.#writeAll(file, bytes, 0));
  }

  async writePages(id: number, runs: Parameters<Target['writePages']>[1], bytes: Uint8Array): Promise<void> {
    const { pageSize } = this.#regions[id]!;
    await this.#withFile(this.#names[id]!, constants.O_WRONLY, async (file) => {
      let at = 0;
      for (const { firstPage, pageCount, kind } of runs) {
        if (kind === 'zero') continue;
        const run = bytes.subarray(at, at + pageCount * pageSize);
        // oxlint-disable-next-line no-await-in-loop -- one run after the other
        await this.#writeAll(file, run, firstPage * pageSize);
        at += run.byteLength;
      }
    });
  }

  /** Waits for the disk: what was written lately is in the page cache. */
  readPages(id: number, firstPage: number, pages: Uint8Array): void {
    const descriptor = this.#reader(id);
    const start = firstPage * this.#regions[id]!.pageSize;
    for (let done = 0; done < pages.byteLength; ) {
      const count = readSync(descriptor, pages, done, pages.byteLength - done, start + done);
      if (count === 0) throw new Error(`${this.#names[id]} ends before byte ${start + done}`);
      done += count;
    }
  }

  async commit(): Promise<void> {
    this.#closeReader();
    const manifest = Buffer.from(`${JSON.stringify(this.#manifest(), undefined, 2)}\n`);
    await this.#withFile('manifest.json', 'wx', (file) => this.#writeAll(file, manifest, 0));
    for (const name of [...this.#names, 'state.bin', 'manifest.json']) {
      // oxlint-disable-next-line no-await-in-loop -- one file open at a time
      await this.#withFile(name, 'r', (file) => file.sync());
    }
    await this.#syncDirectory(this.#temporaryPath);
    // rename(2) would replace an empty directory.
    await this.assertFree();
    await this.#step(() => this.#ops.rename(this.#temporaryPath, this.#path));
    try {
      await this.#syncDirectory(path.dirname(this.#path));
    } catch (error) {
      await this.#ops.rename(this.#path, this.#temporaryPath).catch(() => undefined);
      throw error;
    }
    this.#stage = 'committed';
  }

  async discard(): Promise<void> {
    if (this.#stage !== 'open') return;
    this.#stage = 'discarded';
    this.#closeReader();
    await this.#step(() => this.#ops.rm(this.#temporaryPath, { recursive: true, force: true }));
  }

  /** The one file that is open to be read. */
  #reader(id: number): number {
    if (this.#reading?.id !== id) {
      this.#closeReader();
      this.#reading = { id, descriptor: openSync(path.join(this.#temporaryPath, this.#names[id]!), 'r') };
    }
    return this.#reading.descriptor;
  }

  #closeReader(): void {
    if (this.#reading !== undefined) closeSync(this.#reading.descriptor);
    this.#reading = undefined;
  }

  #manifest(): object {
    return {
      manifestVersion: MANIFEST_VERSION,
      streamId: this.#streamId,
      state: { ...this.#state, file: 'state.bin' },
      regions: this.#regions.map((region, id) => ({ ...region, file: this.#names[id] })),
    };
  }

  async #withFile(
    name: string,
    flags: string | number,
    work: (file: OpenedFile) => Promise<unknown>,
  ): Promise<void> {
    await this.#step(async () => {
      const file = await this.#ops.open(path.join(this.#temporaryPath, name), flags, FILE_MODE);
      try {
        await work(file);
      } catch (error) {
        await file.close().catch(() => undefined);
        throw error;
      }
      // It may tell of a write that failed late.
      await file.close();
    });
  }

  async #writeAll(file: OpenedFile, bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.byteLength; ) {
      // oxlint-disable-next-line no-await-in-loop -- a short write is gone on with
      const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, position + done);
      if (bytesWritten === 0) throw new Error(NOTHING_TAKEN);
      done += bytesWritten;
      this.#writtenBytes += bytesWritten;
    }
  }

  async #syncDirectory(directory: string): Promise<void> {
    await this.#step(async () => {
      const handle = await this.#ops.open(directory, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close().catch(() => undefined);
      }
    });
  }

  async #step(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      const neededBytes = this.#regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      throw writeFailure(cause, { path: this.#path, writtenBytes: this.#writtenBytes, neededBytes });
    }
  }
}

/** Raised when a reader of the manifest would misread a newer one. */
const MANIFEST_VERSION = 1;

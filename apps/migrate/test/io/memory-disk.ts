import type { DirectoryOps } from '../../src/io/directory-target.ts';
import type { FileOps, OpenedFile } from '../../src/io/file-ops.ts';

/** What goes wrong: one call, by its number, or every byte from one on. */
export interface Trouble {
  readonly code: string;
  readonly call?: number;
  readonly roomBytes?: number;
}

interface Inode {
  bytes: Uint8Array;
  sizeBytes: number;
}

const DIRECTORY = 'directory';

/** A disk without a disk: thousands of failures a second, each as a real file system would leave it. */
export class MemoryDisk implements FileOps, DirectoryOps {
  readonly #names = new Map<string, Inode | typeof DIRECTORY>();
  readonly #trouble: Trouble | undefined;
  #room: number;
  /** Every call, in order. */
  readonly calls: string[] = [];
  writtenBytes = 0;
  openCount = 0;

  constructor(trouble?: Trouble) {
    this.#trouble = trouble;
    this.#room = trouble?.roomBytes ?? Number.POSITIVE_INFINITY;
  }

  /** What has a name, in order. */
  get names(): string[] {
    return [...this.#names.keys()].toSorted();
  }

  put(path: string, bytes: Uint8Array): void {
    this.#names.set(path, { bytes: Uint8Array.from(bytes), sizeBytes: bytes.byteLength });
  }

  read(path: string): Buffer | undefined {
    const found = this.#names.get(path);
    return found === undefined || found === DIRECTORY
      ? undefined
      : Buffer.from(found.bytes.subarray(0, found.sizeBytes));
  }

  async open(path: string, flags: string | number): Promise<OpenedFile> {
    const isNew = String(flags).startsWith('wx');
    const found = this.#names.get(path);
    // A directory that nobody made here is one of the real disk.
    const isDirectory = flags === 'r' && (found === undefined || found === DIRECTORY);
    this.#step(isDirectory ? 'open directory' : 'open');
    if (isNew && found !== undefined) throw failure('EEXIST');
    const inode = isNew ? { bytes: new Uint8Array(1024), sizeBytes: 0 } : found;
    if (isNew) this.#names.set(path, inode!);
    this.openCount += 1;
    return this.#handle(inode === undefined || inode === DIRECTORY ? undefined : inode);
  }

  async link(existing: string, added: string): Promise<void> {
    this.#step('link');
    const inode = this.#names.get(existing);
    if (inode === undefined) throw failure('ENOENT');
    this.#names.set(added, inode);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step('rename');
    if (!this.#names.has(from)) throw failure('ENOENT');
    for (const name of this.names) {
      if (name !== from && !name.startsWith(`${from}/`)) continue;
      this.#names.set(to + name.slice(from.length), this.#names.get(name)!);
      this.#names.delete(name);
    }
  }

  async unlink(path: string): Promise<void> {
    this.#step('unlink');
    if (!this.#names.delete(path)) throw failure('ENOENT');
  }

  async mkdir(path: string): Promise<void> {
    this.#step('mkdir');
    this.#names.set(path, DIRECTORY);
  }

  async rm(path: string): Promise<void> {
    this.#step('rm');
    for (const name of this.names) {
      if (name === path || name.startsWith(`${path}/`)) this.#names.delete(name);
    }
  }

  #step(name: string): void {
    const number = this.calls.push(name) - 1;
    if (number === this.#trouble?.call) throw failure(this.#trouble.code);
  }

  #handle(inode: Inode | undefined): OpenedFile {
    let position = 0;
    const store = (bytes: Uint8Array, at: number): number => {
      const taken = bytes.subarray(0, this.#room);
      if (taken.byteLength === 0 && bytes.byteLength > 0) throw failure(this.#trouble!.code);
      this.#room -= taken.byteLength;
      this.writtenBytes += taken.byteLength;
      grow(inode!, at + taken.byteLength);
      inode!.bytes.set(taken, at);
      return taken.byteLength;
    };
    return {
      fd: -1,
      writev: async (iovecs: readonly Uint8Array[]) => {
        this.#step('writev');
        let bytesWritten = 0;
        for (const bytes of iovecs) {
          if (bytesWritten > 0 && this.#room === 0) break;
          const count = store(bytes, position);
          position += count;
          bytesWritten += count;
          if (count < bytes.byteLength) break;
        }
        return { bytesWritten };
      },
      write: async (bytes: Uint8Array, offset: number, length: number, at: number) => {
        this.#step('write');
        return { bytesWritten: store(bytes.subarray(offset, offset + length), at) };
      },
      truncate: async (sizeBytes: number) => {
        this.#step('truncate');
        grow(inode!, sizeBytes);
      },
      sync: async () => this.#step(inode === undefined ? 'sync directory' : 'sync'),
      close: async () => {
        this.openCount -= 1;
        this.#step(inode === undefined ? 'close directory' : 'close');
      },
    };
  }
}

function grow(inode: Inode, sizeBytes: number): void {
  inode.sizeBytes = Math.max(inode.sizeBytes, sizeBytes);
  if (sizeBytes <= inode.bytes.byteLength) return;
  const bytes = new Uint8Array(2 * sizeBytes);
  bytes.set(inode.bytes);
  inode.bytes = bytes;
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

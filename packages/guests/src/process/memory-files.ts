import { closeSync, openSync, readSync } from 'node:fs';
import type { ProcDirectory } from './proc-directory.ts';
import { pageSize } from '@stillframe/uffd';

const FIRST_TEXT_BYTES = 1024 * 1024;

/**
 * The address space of a process through files under /proc.
 *
 * Opened while the process stands still they stay bound to this address space, whatever becomes of the process or of its number: after it
 * has exited or replaced itself, reads return nothing.
 */
export class MemoryFiles {
  readonly memFd: number;
  readonly pagemapFd: number;
  readonly #mapsFd: number;
  readonly #smapsFd: number;
  readonly #fds: number[] = [];
  #text = Buffer.allocUnsafe(FIRST_TEXT_BYTES);

  /** @throws ProcessGuestError PROCESS_NOT_FOUND, PROCESS_FORBIDDEN. */
  constructor(proc: ProcDirectory) {
    try {
      this.memFd = this.#open(proc, 'mem');
      this.pagemapFd = this.#open(proc, 'pagemap');
      this.#mapsFd = this.#open(proc, 'maps');
      this.#smapsFd = this.#open(proc, 'smaps');
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The text of maps, as of now; empty when the address space is no more. */
  maps(): string {
    return this.#read(this.#mapsFd);
  }

  /** The text of smaps, as of now. Walks every page of the process: not for the pause. */
  smaps(): string {
    return this.#read(this.#smapsFd);
  }

  /**
   * Fills `into` with memory from `address` on. Pages that cannot be read (beyond the end of a file, gone meanwhile) are zeros.
   * @returns Bytes that could be read.
   */
  read(address: bigint, into: Uint8Array): number {
    let at = 0;
    let readBytes = 0;
    while (at < into.length) {
      const count = this.#readSome(address + BigInt(at), into.subarray(at));
      readBytes += count;
      at += count;
      if (count > 0) continue;
      const skip = Math.min(into.length - at, pageSize - Number((address + BigInt(at)) % BigInt(pageSize)));
      into.fill(0, at, at + skip);
      at += skip;
    }
    return readBytes;
  }

  /** Idempotent. */
  close(): void {
    for (const fd of this.#fds.splice(0)) closeSync(fd);
  }

  #open(proc: ProcDirectory, name: string): number {
    const fd = proc.attempt(name, () => openSync(`${proc.path}/${name}`, 'r'));
    this.#fds.push(fd);
    return fd;
  }

  #readSome(address: bigint, into: Uint8Array): number {
    try {
      return readSync(this.memFd, into, 0, into.length, address);
    } catch {
      return 0;
    }
  }

  #readText(fd: number, at: number): number {
    try {
      return readSync(fd, this.#text, at, this.#text.length - at, at);
    } catch (error) {
      // Its process has ended, and nobody else has the address space.
      if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return 0;
      throw error;
    }
  }

  /** The buffer is kept, so that at the cut nothing is allocated and nothing touched for the first time. */
  #read(fd: number): string {
    let length = 0;
    for (;;) {
      const count = this.#readText(fd, length);
      if (count === 0) return this.#text.toString('utf8', 0, length);
      length += count;
      if (length === this.#text.length) {
        const larger = Buffer.allocUnsafe(2 * length);
        this.#text.copy(larger);
        this.#text = larger;
      }
    }
  }
}

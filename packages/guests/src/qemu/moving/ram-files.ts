import { closeSync, openSync, readSync } from 'node:fs';
import { type MemoryRange, mmap, munmap } from '@stillframe/uffd';
import type { ProcDirectory } from '../../process/proc-directory.ts';
import { QemuError } from '../error.ts';
import type { SharedRam } from '../ram-layout.ts';
import { mappingsOf } from '../read-layout.ts';

/** A piece of RAM, and the file that is mapped there. */
interface RamFile {
  readonly fd: number;
  /** Of its first byte in the file. */
  readonly offset: bigint;
}

/**
 * Reads guest RAM through the files that are mapped there, not through the mapping: what was never written is a hole, and a read of it
 * leaves it one. Where the files may not be opened it is read through the mapping (/proc/PID/mem), which fills the holes with zeros.
 */
export class RamFiles {
  readonly #files: readonly RamFile[];
  readonly #opened: number[] = [];

  /** `memFd` is the caller's, and stays open for as long as this is used. */
  constructor(proc: ProcDirectory, ram: readonly SharedRam[], memFd: number) {
    const mappings = mappingsOf(proc);
    this.#files = ram.map(({ address }) => {
      const mapping = mappings.find(({ start, end }) => start <= address && end > address);
      if (mapping === undefined) return { fd: memFd, offset: address };
      const name = `${mapping.start.toString(16)}-${mapping.end.toString(16)}`;
      const fd = this.#tryOpen(`${proc.path}/map_files/${name}`);
      return fd === undefined
        ? { fd: memFd, offset: address }
        : { fd, offset: mapping.offset + address - mapping.start };
    });
  }

  /** Fills `into`. @throws QemuError QEMU_CLOSED when QEMU has ended. */
  read(region: number, offsetBytes: number, into: Uint8Array): void {
    const { fd, offset } = this.#files[region]!;
    for (let done = 0; done < into.byteLength; ) {
      const at = offset + BigInt(offsetBytes + done);
      const count = readSync(fd, into, done, into.byteLength - done, at);
      if (count === 0) throw new QemuError('QEMU_CLOSED', 'guest memory can no longer be read');
      done += count;
    }
  }

  /** The file that the RAM is the beginning of, which knows what of it was never touched; undefined where that is not so, or not known. */
  fileOf(region: number): number | undefined {
    const { fd, offset } = this.#files[region]!;
    return offset === 0n && this.#opened.includes(fd) ? fd : undefined;
  }

  /**
   * All of it in the address space of this process, to be read only, region by region; the caller unmaps it. Undefined where it cannot be had:
   * files that may not be opened.
   */
  map(sizesBytes: readonly number[]): MemoryRange[] | undefined {
    if (this.#files.some(({ fd }) => !this.#opened.includes(fd))) return undefined;
    const mapped: MemoryRange[] = [];
    try {
      this.#files.forEach(({ fd, offset: offsetBytes }, region) => {
        const sizeBytes = sizesBytes[region]!;
        const address = mmap({ sizeBytes, flags: ['SHARED'], protection: ['READ'], fd, offsetBytes });
        mapped.push({ address, sizeBytes });
      });
      return mapped;
    } catch {
      mapped.forEach((range) => munmap(range));
      return undefined;
    }
  }

  /** Idempotent. What was mapped stays. */
  close(): void {
    for (const fd of this.#opened.splice(0)) closeSync(fd);
  }

  /** Links there are for CAP_SYS_ADMIN and CAP_CHECKPOINT_RESTORE only (proc_pid_map_files(5)). */
  #tryOpen(path: string): number | undefined {
    try {
      const fd = openSync(path, 'r');
      this.#opened.push(fd);
      return fd;
    } catch {
      return undefined;
    }
  }
}

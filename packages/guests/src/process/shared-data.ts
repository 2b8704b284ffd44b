import { closeSync, openSync } from 'node:fs';
import { fileData, UffdError } from '@stillframe/uffd';
import { mapFilesPath } from './file-system.ts';
import type { Mapping } from './mapping.ts';
import type { AddressRange } from './ranges.ts';

/**
 * Finds the parts of shared mappings that exist, by asking the file behind each of them. Descriptors are kept: at the cut only lseek is left.
 * Opening them needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN; without, nothing can be told.
 */
export class SharedData {
  readonly #proc: string;
  readonly #fds = new Map<string, number | undefined>();

  constructor(procPath: string) {
    this.#proc = procPath;
  }

  of(mapping: Mapping): AddressRange[] | undefined {
    const fd = this.#open(mapping);
    if (fd === undefined) return undefined;
    const { start, end, offset } = mapping;
    try {
      return fileData(fd, offset, end - start).map((part) => {
        const partStart = start + (part.offset - offset);
        return { start: partStart, end: partStart + part.sizeBytes };
      });
    } catch (error) {
      if (error instanceof UffdError) return undefined;
      throw error;
    }
  }

  /** Idempotent. */
  close(): void {
    for (const fd of this.#fds.values()) if (fd !== undefined) closeSync(fd);
    this.#fds.clear();
  }

  #open(mapping: Mapping): number | undefined {
    const file = `${mapping.devMajor}:${mapping.devMinor}:${mapping.inode}`;
    if (this.#fds.has(file)) return this.#fds.get(file);
    let fd: number | undefined;
    try {
      fd = openSync(mapFilesPath(this.#proc, mapping), 'r');
    } catch {
      fd = undefined;
    }
    this.#fds.set(file, fd);
    return fd;
  }
}

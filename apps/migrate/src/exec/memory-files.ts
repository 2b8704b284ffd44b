import { closeSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import type { PageRun } from '@stillframe/page-stream';
import type { Region } from '@stillframe/snapshot';
import { addSeals, memfdCreate } from '@stillframe/uffd';
import { CliError } from '../cli-error.ts';

/** A child gets a descriptor for each; 1024 is the usual limit of a process. */
const REGIONS_MAX = 900;
const ZEROS = new Uint8Array(2 ** 18);

/** Guest memory in files that live in memory only: one for each region, to be given to a child. Untouched pages take no room. */
export class MemoryFiles {
  readonly #regions: readonly Region[];
  /** For each region one byte a page: whether anything was written there, so that zeros need not be. */
  readonly #written: readonly Uint8Array[];
  readonly fds: readonly number[];
  #isOpen = true;

  /** Throws CliError REFUSED for more regions than a child can be given. */
  constructor(regions: readonly Region[]) {
    if (regions.length > REGIONS_MAX) {
      throw new CliError(
        'REFUSED',
        `the image has ${regions.length} regions, a child can be given ${REGIONS_MAX}`,
        {
          hint: 'Use --into file:DIR: it makes a file for each.',
        },
      );
    }
    this.#regions = regions;
    this.#written = regions.map(({ sizeBytes, pageSize }) => new Uint8Array(sizeBytes / pageSize));
    const fds: number[] = [];
    this.fds = fds;
    try {
      for (const { sizeBytes } of regions) fds.push(memoryFile('stillframe-region', sizeBytes));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** As `Target.writePages`, also of pages that were written before. */
  write(id: number, runs: readonly PageRun[], bytes: Uint8Array): void {
    const { pageSize } = this.#regions[id]!;
    const written = this.#written[id]!;
    let at = 0;
    for (const { firstPage, pageCount, kind } of runs) {
      const end = firstPage + pageCount;
      if (kind === 'zero') {
        this.#writeZeros(id, firstPage, end);
        written.fill(0, firstPage, end);
      } else {
        const run = bytes.subarray(at, at + pageCount * pageSize);
        writeAllAt(this.fds[id]!, run, firstPage * pageSize);
        written.fill(1, firstPage, end);
        at += run.byteLength;
      }
    }
  }

  /** Somebody else may have written to this region. */
  assumeWritten(id: number): void {
    this.#written[id]!.fill(1);
  }

  /** As `Target.readPages`. */
  read(id: number, firstPage: number, pages: Uint8Array): void {
    const position = firstPage * this.#regions[id]!.pageSize;
    for (let done = 0; done < pages.byteLength; ) {
      done += readSync(this.fds[id]!, pages, done, pages.byteLength - done, position + done);
    }
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const fd of this.fds) closeSync(fd);
  }

  /** Only over what was written: the rest is zero already, and would take room. */
  #writeZeros(id: number, firstPage: number, endPage: number): void {
    const { pageSize } = this.#regions[id]!;
    const written = this.#written[id]!;
    for (let page = written.indexOf(1, firstPage); page >= 0 && page < endPage; ) {
      const clean = written.indexOf(0, page);
      const end = clean < 0 || clean > endPage ? endPage : clean;
      for (let at = page * pageSize; at < end * pageSize; at += ZEROS.byteLength) {
        writeAllAt(this.fds[id]!, ZEROS.subarray(0, Math.min(ZEROS.byteLength, end * pageSize - at)), at);
      }
      page = written.indexOf(1, end);
    }
  }
}

/** A sealed size: nobody can pull the memory from under who mapped it. @returns A descriptor, the caller's to close. */
export function memoryFile(name: string, sizeBytes: number): number {
  const fd = memfdCreate(name, { allowSealing: true });
  try {
    ftruncateSync(fd, sizeBytes);
    addSeals(fd, ['SHRINK', 'GROW']);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

export function writeAllAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.byteLength; ) {
    done += writeSync(fd, bytes, done, bytes.byteLength - done, position + done);
  }
}

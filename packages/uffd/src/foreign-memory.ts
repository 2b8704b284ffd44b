import type { EngineRegion } from './capture-region.ts';
import type { Userfaultfd } from './userfaultfd.ts';

/** Another process's memory, and the right to arm it. */
export interface ForeignMemory {
  /** A userfaultfd of that process, after `handshake(CaptureEngine.foreignFeatures)`. Taken over, unless opening throws. */
  readonly uffd: Userfaultfd;
  /** Of /proc/PID/mem, opened while the process could not execute another program. Duplicated; stays the caller's. */
  readonly memoryFd: number;
  /** What is there now. `arm` is told what is there at the cut. Not registered yet; in the address space of that process. */
  readonly regions: readonly ForeignRegion[];
}

/** A part of another process's memory, before the cut. */
export interface ForeignRegion extends EngineRegion {
  /**
   * Not to be armed ahead. For memory that the kernel writes when a thread ends (set_tid_address(2), robust futexes): such a write does not
   * wait for anybody, it fails, and whoever joins the thread waits for ever. Default false.
   */
  readonly onlyAtCut?: boolean;
  /**
   * Of shared memory, its file, if the region is a shared mapping of the beginning of it. The region is read from there: where the file has no data (lseek(2), SEEK_DATA)
   * nothing is read, and so nothing allocated; those pages are zeros. Duplicated; stays the caller's.
   */
  readonly fileFd?: number;
}

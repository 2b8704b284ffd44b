import native from '#native';
import { argumentError, checked, ERRNO } from './errors.ts';
import { type MemoryRange, toFd, toInteger, toRange } from './range.ts';

/** IOV_MAX: the kernel's limit on ranges in one call. */
export const RANGES_MAX = 1024;

const PID_MAX = 0x7fff_ffff;

/**
 * Reads memory of another process, or of this one by address, into `into`, the ranges one after the other. Unlike a plain load it fails
 * instead of crashing where nothing is mapped. Pages that a userfaultfd watches for MISSING fault as under any access.
 *
 * @returns Bytes read; less than asked for when a range after the first is not readable.
 * @throws RangeError for more than `RANGES_MAX` ranges, or ranges that `into` cannot hold.
 * @throws UffdError UFFD_EPERM, UFFD_ESRCH, or UFFD_EFAULT when not even the first page is readable.
 */
export function processVmReadv(pid: number, into: Uint8Array, ranges: readonly MemoryRange[]): number {
  toInteger(pid, 'pid', 1, PID_MAX);
  toInteger(ranges.length, 'the number of ranges', 1, RANGES_MAX);
  const pairs = new BigUint64Array(ranges.length * 2);
  let total = 0n;
  for (const [index, range] of ranges.entries()) {
    const { address, sizeBytes } = toRange(range, `range ${index}`);
    pairs.set([address, sizeBytes], index * 2);
    total += sizeBytes;
  }
  if (total > BigInt(into.byteLength)) {
    throw argumentError(
      RangeError,
      `the ranges have ${total} bytes, the buffer has room for ${into.byteLength}`,
    );
  }
  const first = pairs[0] ?? 0n;
  return checked(native.processVmReadv(pid, into, pairs), 'process_vm_readv', {
    pid,
    address: first,
    ranges: ranges.length,
    sizeBytes: total,
  });
}

/** A descriptor that stands for a process, the caller's to close. */
export function pidfdOpen(pid: number): number {
  return checked(native.pidfdOpen(toInteger(pid, 'pid', 1, PID_MAX), 0), 'pidfd_open', { pid });
}

/** Our own duplicate of a descriptor of that process, the caller's to close. Needs the right to trace it. */
export function pidfdGetfd(pidfd: number, targetFd: number): number {
  const fd = native.pidfdGetfd(toFd(pidfd, 'pidfd'), toFd(targetFd, 'targetFd'));
  return checked(fd, 'pidfd_getfd', { pidfd, targetFd });
}

/** Whether two processes have the same memory (kcmp(2), KCMP_VM). Needs the right to trace both; throws UFFD_ESRCH, UFFD_EPERM. */
export function sharesMemory(pid: number, otherPid: number): boolean {
  toInteger(pid, 'pid', 1, PID_MAX);
  toInteger(otherPid, 'otherPid', 1, PID_MAX);
  return checked(native.kcmpVm(pid, otherPid), 'kcmp', { pid, otherPid }) === 0;
}

/**
 * Address, in its process, of the head of a thread's list of robust futexes (get_robust_list(2)); undefined when it has none, or is gone.
 * Needs the right to trace it.
 */
export function robustListHead(tid: number): bigint | undefined {
  const head = native.robustList(toInteger(tid, 'tid', 1, PID_MAX));
  return head > 0n ? head : undefined;
}

/**
 * Parts of a file that have data, in the `sizeBytes` from `offset` on; the rest are holes (lseek(2), SEEK_DATA). Moves the position of the
 * descriptor. A file system that does not know holes tells of one part.
 */
export function fileData(
  fd: number,
  offset: bigint,
  sizeBytes: bigint,
): { offset: bigint; sizeBytes: bigint }[] {
  const seek = (at: bigint, data: boolean): bigint | undefined => {
    const found = native.seekHole(toFd(fd, 'fd'), at, data);
    return found === -ERRNO.ENXIO ? undefined : BigInt(checked(found, 'lseek', { fd, offset: at }));
  };
  const parts: { offset: bigint; sizeBytes: bigint }[] = [];
  const end = offset + sizeBytes;
  for (let at = seek(offset, true); at !== undefined && at < end; ) {
    const hole = seek(at, false) ?? end;
    const partEnd = hole < end ? hole : end;
    parts.push({ offset: at, sizeBytes: partEnd - at });
    at = partEnd < end ? seek(partEnd, true) : undefined;
  }
  return parts;
}

/** Closes a descriptor that these functions returned. */
export function closeFd(fd: number): void {
  checked(native.closeFd(toFd(fd, 'fd')), 'close', { fd });
}

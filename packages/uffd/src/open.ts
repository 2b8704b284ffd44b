import { closeSync, openSync } from 'node:fs';
import native from '#native';
import { argumentError, checked, UffdError } from './errors.ts';

/** How a userfaultfd is made. */
export interface CreateOptions {
  /**
   * `syscall`: userfaultfd(2). `device`: through /dev/userfaultfd, whose file permissions then decide. `auto` (default): the system call,
   * and when that is not permitted the device.
   */
  readonly via?: 'auto' | 'syscall' | 'device';
  /** Faults that the kernel raises on behalf of a thread (read(2) into the memory …) fail with EFAULT instead of being reported. Default false. */
  readonly userModeOnly?: boolean;
  /** Closed by execve. Default true. */
  readonly closeOnExec?: boolean;
  /** Reading without an event waiting fails instead of blocking this thread. Default true; polling needs it. */
  readonly nonBlocking?: boolean;
}

const DEVICE_PATH = '/dev/userfaultfd';

const USER_MODE_ONLY = 1;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

/** A new descriptor, the caller's to close. */
export function createUserfaultfd(options: CreateOptions): number {
  const { via = 'auto', userModeOnly = false, closeOnExec = true, nonBlocking = true } = options;
  const flags =
    (userModeOnly ? USER_MODE_ONLY : 0) | (closeOnExec ? O_CLOEXEC : 0) | (nonBlocking ? O_NONBLOCK : 0);
  switch (via) {
    case 'syscall':
      return bySyscall(flags, userModeOnly);
    case 'device':
      return byDevice(flags, userModeOnly);
    case 'auto':
      return byEither(flags, userModeOnly);
    default:
      throw argumentError(TypeError, `via must be auto, syscall or device, not ${via as string}`);
  }
}

function bySyscall(flags: number, userModeOnly: boolean): number {
  return checked(native.uffdOpen(flags), 'userfaultfd', { userModeOnly });
}

function byDevice(flags: number, userModeOnly: boolean): number {
  const device = openDevice();
  try {
    return checked(native.uffdOpenFromDevice(device, flags), 'ioctl(USERFAULTFD_IOC_NEW)', { userModeOnly });
  } finally {
    closeSync(device);
  }
}

function openDevice(): number {
  try {
    return openSync(DEVICE_PATH, 'r+');
  } catch (error) {
    if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number')) throw error;
    // Node's errno is negative.
    throw new UffdError(`open(${DEVICE_PATH})`, -error.errno, {}, { cause: error });
  }
}

function byEither(flags: number, userModeOnly: boolean): number {
  try {
    return bySyscall(flags, userModeOnly);
  } catch (error) {
    // ENOSYS: some seccomp profiles hide the call that way.
    if (!(error instanceof UffdError) || !['UFFD_EPERM', 'UFFD_ENOSYS'].includes(error.code)) throw error;
    try {
      return byDevice(flags, userModeOnly);
    } catch (second) {
      throw new UffdError(error.syscall, error.errno, error.operands, { cause: second });
    }
  }
}

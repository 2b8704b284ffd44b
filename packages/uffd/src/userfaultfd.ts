import { existsSync, readlinkSync } from 'node:fs';
import native from '#native';
import {
  API_VERSION,
  type Feature,
  features,
  type Ioctl,
  ioctls,
  type RegisterMode,
  registerModes,
} from './abi.ts';
import { addressOf } from './address.ts';
import { argumentError, checked, closedError, ERRNO, type Operands, UffdError } from './errors.ts';
import { decodeEvents, MESSAGE_BYTES, type UffdEvent } from './events.ts';
import { closeAtExit } from './exit.ts';
import { type CreateOptions, createUserfaultfd } from './open.ts';
import { type MemoryRange, toFd, toInteger, toPageRange, toRange } from './range.ts';

export interface OpenOptions extends CreateOptions {
  /** Asked for in the handshake; fixed from then on. Default none. */
  readonly features?: readonly Feature[];
}

/** The answer to the handshake. */
export interface Handshake {
  /** All that the kernel has, not only what was asked for. */
  readonly features: readonly Feature[];
  /** Bits that this package has no name for. */
  readonly unnamedFeatures: bigint;
  readonly ioctls: readonly Ioctl[];
}

export interface WakeOptions {
  /** Leave the sleeping threads asleep; `wake` lets them go. Default false. */
  readonly dontWake?: boolean;
}

export interface ResolveOptions extends WakeOptions {
  /** Map the page armed, so that its first write faults. The range must be registered with WP. Default false. */
  readonly writeProtect?: boolean;
}

export interface MoveOptions extends WakeOptions {
  /** Skip pages that the source does not have instead of failing. Default false. */
  readonly allowSourceHoles?: boolean;
}

/** Most events in one read, by default: 2 KiB of messages. */
const EVENTS_DEFAULT = 64;
/** A bound on the buffer for one read: 2 MiB of messages. */
const EVENTS_MAX = 65_536;
/** No thread is parked for longer: a worker that waits in the kernel can neither be terminated nor joined. */
const WAIT_MAX_MS = 60_000;

const POLLIN = 1;
const DONTWAKE = 1n;
const WRITE_PROTECT = 1n;
/** Of writeprotect, where bit 0 is WP. */
const WRITEPROTECT_DONTWAKE = 2n;
const COPY_WP = 2n;
const ALLOW_SRC_HOLES = 2n;

/**
 * A userfaultfd: the right to learn of, and to resolve, page faults in an address space, by default this process's.
 *
 * Ownership: the descriptor is closed by `close()` (or `using`), when this object is collected as garbage, at the exit of the process, and
 * at the end of the thread that made it. Closing unregisters every range and wakes every waiter.
 *
 * Concurrency: every call is one system call on the calling thread. The thread that serves faults must not touch the watched memory itself,
 * or it sleeps for ever: serve from a worker, or let workers do the writing.
 *
 * Errors: UffdError by errno. TypeError or RangeError for mistakes in the arguments, before any system call.
 * While a REMOVE, REMAP, UNMAP or FORK event is unread, resolving calls fail with UFFD_EAGAIN.
 */
export class Userfaultfd {
  readonly #owned: InstanceType<typeof native.OwnedFd>;
  #messages = new Uint8Array(EVENTS_DEFAULT * MESSAGE_BYTES);

  private constructor(fd: number) {
    this.#owned = new native.OwnedFd(fd);
    closeAtExit(this);
  }

  /** Makes one and does the handshake. */
  static open(options: OpenOptions = {}): Userfaultfd {
    const { features: wanted = [], ...create } = options;
    features.maskOf(wanted);
    const made = Userfaultfd.create(create);
    try {
      made.handshake(wanted);
    } catch (error) {
      made.close();
      throw error;
    }
    return made;
  }

  /** Makes one without the handshake, which must be the first call on it. */
  static create(options: CreateOptions = {}): Userfaultfd {
    return new Userfaultfd(createUserfaultfd(options));
  }

  /** Takes over a descriptor, e.g. from another process. TypeError when it is not a userfaultfd; then it stays the caller's. */
  static adopt(fd: number): Userfaultfd {
    const target = targetOf(toFd(fd, 'fd'));
    if (target !== null && target !== 'anon_inode:[userfaultfd]') {
      throw argumentError(TypeError, `descriptor ${fd} is ${target}, not a userfaultfd`);
    }
    return new Userfaultfd(fd);
  }

  /** For poll, SCM_RIGHTS and the like; stays owned by this object. */
  get fd(): number {
    const { fd } = this.#owned;
    if (fd < 0) throw closedError('the userfaultfd');
    return fd;
  }

  get closed(): boolean {
    return this.#owned.fd < 0;
  }

  /** The API handshake: asks for features, once. After a refusal it may be tried again with fewer. */
  handshake(wanted: readonly Feature[] = []): Handshake {
    const words = new BigUint64Array([API_VERSION, features.maskOf(wanted), 0n]);
    checked(native.uffdApi(this.fd, words), 'ioctl(UFFDIO_API)', { features: wanted });
    const [, had = 0n, commands = 0n] = words;
    return {
      features: features.namesIn(had),
      unnamedFeatures: features.unnamed(had),
      ioctls: ioctls.namesIn(commands),
    };
  }

  /**
   * Watches a range of whole pages.
   * @returns The commands that the range accepts.
   * @throws UffdError UFFD_EBUSY when another userfaultfd has part of it; UFFD_EINVAL for memory that cannot be watched in that mode.
   */
  register(range: MemoryRange, modes: readonly RegisterMode[]): Ioctl[] {
    const { address, sizeBytes } = toPageRange(range, 'range');
    const mode = registerModes.maskOf(modes);
    if (mode === 0n) throw argumentError(RangeError, 'register needs at least one of MISSING, WP, MINOR');
    const accepted = native.uffdRegister(this.fd, address, sizeBytes, mode);
    return ioctls.namesIn(checked(accepted, 'ioctl(UFFDIO_REGISTER)', { address, sizeBytes, modes }));
  }

  /** Ends the watch of a range; its pages are disarmed and its waiters woken. */
  unregister(range: MemoryRange): void {
    const { address, sizeBytes } = toPageRange(range, 'range');
    const result = native.uffdUnregister(this.fd, address, sizeBytes);
    checked(result, 'ioctl(UFFDIO_UNREGISTER)', { address, sizeBytes });
  }

  /** Wakes threads that sleep on the range; those whose page is not resolved fault again. */
  wake(range: MemoryRange): void {
    const { address, sizeBytes } = toPageRange(range, 'range');
    checked(native.uffdWake(this.fd, address, sizeBytes), 'ioctl(UFFDIO_WAKE)', { address, sizeBytes });
  }

  /**
   * Fills missing pages at `to` with a copy of `from`, atomically for each page.
   * @param from Memory of this process; its length, a multiple of the page size, is the amount. Needs no alignment.
   * @returns Bytes copied. Less than asked for when it stopped part of the way: go on from there, and the next call says why.
   * @throws UffdError UFFD_EEXIST when the first page is already there.
   */
  copy(to: bigint, from: ArrayBufferView | MemoryRange, options: ResolveOptions = {}): number {
    const source = toRange(ArrayBuffer.isView(from) ? addressOf(from) : from, 'from');
    const { address, sizeBytes } = toPageRange({ address: to, sizeBytes: source.sizeBytes }, 'to');
    const mode = (options.dontWake === true ? DONTWAKE : 0n) | (options.writeProtect === true ? COPY_WP : 0n);
    const done = native.uffdCopy(this.fd, address, source.address, sizeBytes, mode);
    return checked(done, 'ioctl(UFFDIO_COPY)', { to, from: source.address, sizeBytes });
  }

  /** Fills missing pages with zeros (anonymous and shmem memory). @returns Bytes done, as for `copy`. */
  zeropage(range: MemoryRange, options: WakeOptions = {}): number {
    return this.#resolve('ZEROPAGE', native.uffdZeropage, range, options.dontWake === true ? DONTWAKE : 0n);
  }

  /** Maps pages that are in the page cache already, after a minor fault. @returns Bytes done, as for `copy`. */
  continue(range: MemoryRange, options: ResolveOptions = {}): number {
    const mode = (options.dontWake === true ? DONTWAKE : 0n) | (options.writeProtect === true ? COPY_WP : 0n);
    return this.#resolve('CONTINUE', native.uffdContinue, range, mode);
  }

  /** Makes missing pages raise SIGBUS on every access from now on. @returns Bytes done, as for `copy`. */
  poison(range: MemoryRange, options: WakeOptions = {}): number {
    return this.#resolve('POISON', native.uffdPoison, range, options.dontWake === true ? DONTWAKE : 0n);
  }

  /**
   * Moves pages of private anonymous memory from `from` to missing pages at `to` without copying; the source then has holes.
   * @returns Bytes done, as for `copy`.
   */
  move(to: bigint, from: MemoryRange, options: MoveOptions = {}): number {
    const source = toPageRange(from, 'from');
    const { sizeBytes } = toPageRange({ address: to, sizeBytes: source.sizeBytes }, 'to');
    const mode =
      (options.dontWake === true ? DONTWAKE : 0n) |
      (options.allowSourceHoles === true ? ALLOW_SRC_HOLES : 0n);
    const done = native.uffdMove(this.fd, to, source.address, sizeBytes, mode);
    return checked(done, 'ioctl(UFFDIO_MOVE)', { to, from: source.address, sizeBytes });
  }

  /**
   * Arms a range registered with WP: each page's next write faults. Without the feature WP_UNPOPULATED this passes over anonymous pages
   * that were never touched.
   */
  writeProtect(range: MemoryRange): void {
    this.#writeprotect(range, WRITE_PROTECT);
  }

  /** Disarms a range and wakes its waiters. */
  writeUnprotect(range: MemoryRange, options: WakeOptions = {}): void {
    this.#writeprotect(range, options.dontWake === true ? WRITEPROTECT_DONTWAKE : 0n);
  }

  /**
   * The events that are waiting, up to `maxEvents`, in one system call; an empty array when there are none. A fork event's userfaultfd is
   * the caller's to close. Blocks if the userfaultfd was made with `nonBlocking: false`.
   */
  readEvents(maxEvents = EVENTS_DEFAULT): UffdEvent[] {
    const wantedBytes = toInteger(maxEvents, 'maxEvents', 1, EVENTS_MAX) * MESSAGE_BYTES;
    if (this.#messages.byteLength < wantedBytes) this.#messages = new Uint8Array(wantedBytes);
    const result = native.uffdRead(this.fd, this.#messages.subarray(0, wantedBytes));
    if (result === -ERRNO.EAGAIN) return [];
    const bytes = checked(result, 'read(userfaultfd)', { maxEvents });
    return decodeEvents(this.#messages.subarray(0, bytes), (fd) => new Userfaultfd(fd));
  }

  /**
   * Sleeps, and this thread's JavaScript with it, until an event is waiting.
   * @param timeoutMs From 0 to 60000.
   * @returns Whether an event is waiting; false also when a signal came first.
   * @throws UffdError UFFD_EIO when the descriptor cannot be polled: no handshake yet, or made with `nonBlocking: false`.
   */
  waitReadable(timeoutMs: number): boolean {
    toInteger(timeoutMs, 'timeoutMs', 0, WAIT_MAX_MS);
    const ready = native.poll(this.fd, POLLIN, timeoutMs);
    if (ready === -ERRNO.EINTR) return false;
    checked(ready, 'poll', { timeoutMs });
    if (ready !== 0 && (ready & POLLIN) === 0) throw new UffdError('poll', ERRNO.EIO, { revents: ready });
    return ready !== 0;
  }

  /** Unregisters every range, disarms its pages and wakes its waiters. Idempotent. */
  close(): void {
    // Whatever close(2) says, the descriptor is gone.
    this.#owned.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Gives the descriptor to the caller, who closes it; this object is then closed. */
  release(): number {
    const { fd } = this;
    this.#owned.release();
    return fd;
  }

  #resolve(
    name: 'ZEROPAGE' | 'CONTINUE' | 'POISON',
    call: (fd: number, address: bigint, sizeBytes: bigint, mode: bigint) => number,
    range: MemoryRange,
    mode: bigint,
  ): number {
    const { address, sizeBytes } = toPageRange(range, 'range');
    const operands: Operands = { address, sizeBytes };
    return checked(call(this.fd, address, sizeBytes, mode), `ioctl(UFFDIO_${name})`, operands);
  }

  #writeprotect(range: MemoryRange, mode: bigint): void {
    const { address, sizeBytes } = toPageRange(range, 'range');
    const result = native.uffdWriteprotect(this.fd, address, sizeBytes, mode);
    checked(result, 'ioctl(UFFDIO_WRITEPROTECT)', { address, sizeBytes, protect: mode === WRITE_PROTECT });
  }
}

/** What a descriptor refers to; null where /proc is not there to tell. */
function targetOf(fd: number): string | null {
  if (!existsSync('/proc/self/fd')) return null;
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return 'not open';
  }
}

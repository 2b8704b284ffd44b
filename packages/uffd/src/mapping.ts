import { constants as bufferConstants } from 'node:buffer';
import { ftruncateSync } from 'node:fs';
import native from '#native';
import { argumentError, checked, closedError } from './errors.ts';
import { memfdCreate } from './memfd.ts';
import { type MapFlag, mmap } from './memory.ts';
import { type MemoryRange, pageSize as basePageSize, toSize } from './range.ts';

export interface MappingOptions {
  /** A multiple of the page size, at most what an ArrayBuffer can hold (4 GiB on Node 20). */
  readonly sizeBytes: number;
  /** `anonymous`: private memory. `memfd`: a shared mapping of a file in memory, which others can map too. Default anonymous. */
  readonly backing?: 'anonymous' | 'memfd';
  /** Bytes: use hugetlb pages of this size, e.g. 2 MiB; the machine must have some reserved. Default ordinary pages. */
  readonly hugePageSize?: number;
  /** Shown in /proc/PID/maps for a memfd. */
  readonly name?: string;
}

/** 2 MiB: the huge page of x86_64, and of arm64 with 4 KiB base pages. */
export const HUGE_PAGE_2MIB = 2 ** 21;

/**
 * Zero-filled, page-aligned memory of its own, visible to JavaScript as an ArrayBuffer.
 *
 * Lifetime: `close()` detaches the buffer, so that every view of it has length 0 from then on, and unmaps the memory at once. Without
 * `close()` it lives until this object and all views of it are garbage, or until the thread that made it ends. Before `close()`, let
 * asynchronous operations that use a view finish (fs.read into it …): they hold the address. A buffer that was moved away with
 * `ArrayBuffer.prototype.transfer` keeps the memory until it is garbage itself.
 *
 * Not for EVENT_UNMAP on the thread that reads the events: unmapping waits for the reader; unregister first.
 */
export class Mapping implements MemoryRange {
  readonly address: bigint;
  readonly sizeBytes: number;
  /** Bytes in a page: the unit in which userfaultfd watches this memory. */
  readonly pageSize: number;
  readonly #owned: InstanceType<typeof native.OwnedMapping>;
  readonly #file: InstanceType<typeof native.OwnedFd> | null;
  readonly #buffer: ArrayBuffer;
  #closed = false;

  /**
   * @throws RangeError when the size is not a multiple of the page size.
   * @throws UffdError UFFD_ENOMEM, with hugetlb when too few pages are reserved.
   */
  constructor(options: MappingOptions) {
    const { sizeBytes, backing = 'anonymous', hugePageSize, name = 'stillframe' } = options;
    this.pageSize = hugePageSize ?? basePageSize;
    this.sizeBytes = checkSize(sizeBytes, this.pageSize);
    const huge = hugePageSize === undefined ? {} : { hugePageSize };
    const hugeFlag: MapFlag[] = hugePageSize === undefined ? [] : ['HUGETLB'];
    if (backing === 'memfd') {
      this.#file = new native.OwnedFd(memfdCreate(name, huge));
      const { fd } = this.#file;
      try {
        ftruncateSync(fd, sizeBytes);
        this.address = mmap({ sizeBytes, flags: ['SHARED'], fd });
      } catch (error) {
        this.#file.close();
        throw error;
      }
    } else if (backing === 'anonymous') {
      this.#file = null;
      this.address = mmap({ sizeBytes, flags: ['PRIVATE', 'ANONYMOUS', ...hugeFlag], ...huge });
    } else {
      throw argumentError(TypeError, `backing must be anonymous or memfd, not ${backing as string}`);
    }
    this.#owned = new native.OwnedMapping(this.address, BigInt(sizeBytes));
    this.#buffer = this.#owned.buffer();
  }

  /** The memory. The same object every time; detached by `close()`. */
  get buffer(): ArrayBuffer {
    if (this.#closed) throw closedError('the mapping');
    return this.#buffer;
  }

  /** The memfd, owned by this object; null for anonymous memory. */
  get fd(): number | null {
    if (this.#closed) throw closedError('the mapping');
    return this.#file?.fd ?? null;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    this.#file?.close();
    // Length 0: closed before, or someone transferred the buffer, and the memory is the new buffer's.
    if (this.#buffer.byteLength === 0) return;
    native.detach(this.#buffer);
    checked(this.#owned.unmap(), 'munmap', { address: this.address, sizeBytes: this.sizeBytes });
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function checkSize(sizeBytes: number, pageSize: number): number {
  const size = Number(toSize(sizeBytes, 'sizeBytes'));
  if (size === 0 || size % pageSize !== 0) {
    throw argumentError(RangeError, `sizeBytes must be a positive multiple of ${pageSize}, not ${size}`);
  }
  if (size > bufferConstants.MAX_LENGTH) {
    throw argumentError(
      RangeError,
      `sizeBytes ${size} is more than an ArrayBuffer can hold here, ${bufferConstants.MAX_LENGTH}; use mmap()`,
    );
  }
  return size;
}

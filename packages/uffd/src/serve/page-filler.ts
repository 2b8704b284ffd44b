import native from '#native';
import { argumentError, closedError } from '../errors.ts';
import { toFd, toInteger } from '../range.ts';

/** Pages that somebody waits for, or that are to be fetched ahead. */
export interface PageRequest {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
  /** `fault`: a thread sleeps until they are there. `prefetch`: nobody does. */
  readonly cause: 'fault' | 'prefetch';
  /** A block that was named for them cannot be read, or its checksum is wrong. */
  readonly isBlockBad: boolean;
}

/** Pages that are stored as they are within a `SourceBlock`, or zeros. */
export interface SourceExtent {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
  /** Where they begin within the block, in bytes; `zero`: nowhere. */
  readonly offsetBytes: number | 'zero';
}

/** A piece of a file with one checksum. It is read and checked as a whole, so a MiB at most is advisable. */
export interface SourceBlock {
  readonly fileOffset: number;
  /** 0 when all extents are zeros. At most `BLOCK_MAX_BYTES`. */
  readonly sizeBytes: number;
  readonly crc32c: number;
  readonly extents: readonly SourceExtent[];
}

/** Two payloads of a page stream. */
export const BLOCK_MAX_BYTES = 2 ** 24;

const REQUEST_WORDS = 4;
const EXTENT_WORDS = 4;
const HEAD_WORDS = 5;

/**
 * The JavaScript side of a `PageServer`: answers what the server has no block for. There may be several, in any threads of the process
 * (`PageFiller.attach`); a request goes to one of them.
 *
 * Pages may be installed unasked, in any order, more than once: what is there already, or was thrown away by its owner meanwhile, stays
 * as it is and is counted as a duplicate.
 *
 * Concurrency: an object belongs to its thread. It must not be the only filler of memory which that same thread touches.
 */
export class PageFiller {
  readonly #native: native.PageFiller;
  #resolve: (() => void) | undefined;
  #closed = false;

  /** Use `attach`, or `PageServer.filler`. */
  private constructor(serverId: number) {
    this.#native = new native.PageFiller(serverId, () => this.#wake());
  }

  /** @param serverId `PageServer.id`. @throws TypeError (UFFD_CLOSED) when there is no such server in this process, or no more. */
  static attach(serverId: number): PageFiller {
    return new PageFiller(toInteger(serverId, 'serverId', 1, Number.MAX_SAFE_INTEGER));
  }

  /** Up to `max` requests, faults first; each is given once. Never blocks. Empty when there are none, or the server is closed. */
  takeRequests(max: number): PageRequest[] {
    this.#check();
    const words = this.#native.take(toInteger(max, 'max', 1, 65_536));
    const requests: PageRequest[] = [];
    for (let at = 0; at < words.length; at += REQUEST_WORDS) {
      const [region = 0, firstPage = 0, pageCount = 0, flags = 0] = words.subarray(at, at + REQUEST_WORDS);
      requests.push({
        region,
        firstPage,
        pageCount,
        cause: (flags & 1) === 1 ? 'fault' : 'prefetch',
        isBlockBad: (flags & 2) !== 0,
      });
    }
    return requests;
  }

  /** Resolves when there are requests, or the server is closed; may resolve early. Keeps the event loop alive only while `keepAlive`. */
  async wait(keepAlive = false): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#resolve = resolve;
      this.#native.keepAlive(keepAlive);
      if (this.#native.readyOrNotify()) this.#wake();
    });
  }

  /** Whether the server was closed; nothing will be requested any more. */
  get isServerClosed(): boolean {
    return this.#closed || this.#native.serverClosed();
  }

  /**
   * Puts `bytes`, whole pages, in the place of pages that are missing, and wakes who waits for them.
   * @returns Pages installed; the others were there, or were thrown away.
   * @throws ServeError never; see `PageServer.failure` for what the kernel refused.
   */
  install(region: number, firstPage: number, bytes: Uint8Array): number {
    this.#check();
    return this.#installed(this.#native.install(toRegion(region), toPage(firstPage), bytes));
  }

  /** As `install`, of pages that are zeros. */
  installZero(region: number, firstPage: number, pageCount: number): number {
    this.#check();
    return this.#installed(this.#native.installZero(toRegion(region), toPage(firstPage), toPage(pageCount)));
  }

  /**
   * Gives up what of these pages is missing: who touches them gets SIGBUS (UFFDIO_POISON), and the server has a `failure`. Never zeros.
   * @returns Pages given up.
   */
  fail(region: number, firstPage: number, pageCount: number): number {
    this.#check();
    return this.#installed(this.#native.fail(toRegion(region), toPage(firstPage), toPage(pageCount)));
  }

  /**
   * Says where pages can be read without us. `fd`: the file; duplicated, one duplicate for each number. Requests for them that wait are answered by the server now. What is named again, stays as
   * it was. A block whose checksum is wrong or that cannot be read is requested from the fillers instead.
   */
  addBlocks(fd: number, blocks: readonly SourceBlock[]): void {
    this.#check();
    toFd(fd, 'fd');
    const size = blocks.reduce((sum, { extents }) => sum + HEAD_WORDS + extents.length * EXTENT_WORDS, 0);
    const words = new Float64Array(size);
    let at = 0;
    for (const { fileOffset, sizeBytes, crc32c, extents } of blocks) {
      toInteger(sizeBytes, 'sizeBytes of a block', 0, BLOCK_MAX_BYTES);
      words.set([fd, fileOffset, sizeBytes, crc32c, extents.length], at);
      at += HEAD_WORDS;
      for (const { region, firstPage, pageCount, offsetBytes } of extents) {
        words.set([region, firstPage, pageCount, offsetBytes === 'zero' ? -1 : offsetBytes], at);
        at += EXTENT_WORDS;
      }
    }
    if (!this.#native.addBlocks(words)) {
      throw argumentError(RangeError, 'an extent is not within its region or its block');
    }
  }

  /** Detaches from the server, which goes on. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#native.close();
    this.#wake();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #installed(result: number): number {
    if (result < 0) throw argumentError(RangeError, 'no such pages, or bytes that are not whole pages');
    return result;
  }

  #wake(): void {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    if (!this.#closed) this.#native.keepAlive(false);
    resolve?.();
  }

  #check(): void {
    if (this.#closed) throw closedError('the filler');
  }
}

function toRegion(value: number): number {
  return toInteger(value, 'region', 0, 2 ** 32 - 1);
}

function toPage(value: number): number {
  return toInteger(value, 'a page number or count', 0, Number.MAX_SAFE_INTEGER);
}

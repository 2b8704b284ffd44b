import native from '#native';
import type { CaptureRegion } from '../capture-region.ts';
import { argumentError, closedError, UffdError } from '../errors.ts';
import { closeAtExit } from '../exit.ts';
import { closeFd } from '../process.ts';
import { toFd, toInteger } from '../range.ts';
import { PageFiller } from './page-filler.ts';
import { ServeError } from './serve-error.ts';
import {
  type ForeignServing,
  makeFiles,
  makeForeign,
  makeOwn,
  type MemoryFile,
  type ServerMaking,
  viewOf,
} from './server-making.ts';
import { decodeStats, emptyWaits, SERVE_NUMBERS, type ServeStats } from './serve-stats.ts';

export interface PageServerOptions {
  /** System calls that touch missing memory fail with EFAULT instead of waiting; needs no privilege. Own memory only. Default false. */
  readonly userModeOnly?: boolean;
  /** Bound on fetching ahead of faults, in bytes a second; 0: pages come on first touch only. Default 0. */
  readonly prefetchBytesPerSecond?: number;
}

/** Where the other end of a lane of faults has the pages of a region. */
export interface LanePlace {
  /** As the other end numbers them. */
  readonly region: number;
  /** There, in pages: the region's first one. */
  readonly firstPage: number;
}

/** A page that came on a lane of faults. */
export interface LaneArrival {
  readonly region: number;
  readonly page: number;
  readonly crc32c: number;
}

/** Pages in an order. */
export interface PageOrder {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
}

export interface CloseOptions {
  /**
   * What becomes of pages that never came. `poison` (default): who touches them gets SIGBUS, so that nobody takes them for zeros.
   * `zero`: they are zeros, as memory that is new; for memory that is given back right after.
   */
  readonly missing?: 'poison' | 'zero';
}

/**
 * Memory whose pages come when they are first touched (userfaultfd, MISSING).
 *
 * A native thread reads the faults. Pages that lie in a file (`PageFiller.addBlocks`) it reads, checks and installs by itself, so that
 * for these the toucher may be anybody, also the thread that JavaScript runs on (I-1). For the others it asks the fillers; a filler must
 * not run on a thread that touches the memory.
 *
 * Memory is of one of three kinds:
 *   `open`         private memory of this process. What is in it now is thrown away.
 *   `openFiles`    files in memory (memfd). Pages are put into the file; every copy that `addCopy` names, shared or private, sees them, and
 *                  private copies share what none of them has written.
 *   `openForeign`  memory of another process, whose userfaultfd it has handed over.
 *
 * Ordering: a page is installed whole before anybody who waits for it goes on. A page that its owner threw away (MADV_DONTNEED, MADV_REMOVE,
 * munmap) is zeros on the next touch, whatever a filler brings later. Of a file that is mapped shared that holds, too, for pages that had
 * not come.
 * Lifetime: keeps the memory alive until `close`. One that is dropped, or whose thread ends, is closed as with `poison`, and nobody sleeps
 * on (I-4). When its process is killed, its own memory goes with it; another process's threads wait for ever if it holds the userfaultfd
 * itself, and read zeros if it does not: whoever hands memory over has to watch its server.
 */
export class PageServer {
  /** For `PageFiller.attach` in another thread of this process. */
  readonly id: number;
  readonly #server: native.PageServer;
  readonly #making: ServerMaking;
  readonly #numbers = new Float64Array(SERVE_NUMBERS);
  readonly #waits = emptyWaits();
  readonly #kept: object[];
  #closed = false;

  private constructor(making: ServerMaking, options: PageServerOptions) {
    const rate = options.prefetchBytesPerSecond ?? 0;
    if (!(rate >= 0))
      throw argumentError(RangeError, `prefetchBytesPerSecond must be 0 or more, not ${rate}`);
    this.#making = making;
    this.#kept = [...making.keptAlive];
    this.#server = new native.PageServer(
      making.uffd.fd,
      making.installUffd?.fd ?? -1,
      making.regions,
      making.views,
    );
    making.uffd.close();
    making.installUffd?.close();
    this.id = this.#server.id();
    if (rate > 0) this.#server.prefetch(new Float64Array(), rate);
    closeAtExit(this);
  }

  /**
   * Serves memory of this process, region by region; its content is thrown away.
   * @throws RangeError for memory that is not private, anonymous and made of whole pages.
   * @throws UffdError when userfaultfd is not permitted, or another one has the memory (UFFD_EBUSY).
   */
  static open(memory: readonly CaptureRegion[], options: PageServerOptions = {}): PageServer {
    return PageServer.#from(makeOwn(memory, options.userModeOnly === true), options);
  }

  /** Serves files in memory; pages that they have already stay. The descriptors stay the caller's. @throws as `open`. */
  static openFiles(files: readonly MemoryFile[], options: PageServerOptions = {}): PageServer {
    return PageServer.#from(makeFiles(files, options.userModeOnly === true), options);
  }

  /** Serves another process. The userfaultfd is taken over, unless this throws. */
  static openForeign(memory: ForeignServing, options: PageServerOptions = {}): PageServer {
    return PageServer.#from(makeForeign(memory), options);
  }

  static #from(making: ServerMaking, options: PageServerOptions): PageServer {
    try {
      return new PageServer(making, options);
    } catch (error) {
      making.undo();
      throw error;
    } finally {
      making.cleanUp();
    }
  }

  /** A filler for this thread. */
  filler(): PageFiller {
    this.#check();
    return PageFiller.attach(this.id);
  }

  /**
   * Of `openFiles`: memory that maps all of the file of `region`, from its first page on, MAP_SHARED or MAP_PRIVATE, and has not been
   * touched: from now on touches wait for their pages. It is kept alive until `close`; unmapping it earlier is all right.
   */
  addCopy(region: number, memory: CaptureRegion['memory']): void {
    this.#check();
    const view = viewOf(memory);
    this.#kept.push(memory);
    const result = this.#server.addView(
      toInteger(region, 'region', 0, 2 ** 32 - 1),
      view.address,
      view.sizeBytes,
    );
    if (result === -1)
      throw argumentError(RangeError, `the memory has not the size of region ${region}, or that is no file`);
    if (result > 0) throw new UffdError('ioctl(UFFDIO_REGISTER)', result, view);
  }

  /**
   * Fetches ahead, with at most `bytesPerSecond` (0: not any more): first `order`, then everything else as it lies. Pages without a block
   * are requested from the fillers, a few at a time.
   */
  prefetch(order: readonly PageOrder[], bytesPerSecond: number): void {
    this.#check();
    if (!(bytesPerSecond >= 0))
      throw argumentError(RangeError, `bytesPerSecond must be 0 or more, not ${bytesPerSecond}`);
    const words = Float64Array.from(
      order.flatMap(({ region, firstPage, pageCount }) => [region, firstPage, pageCount]),
    );
    this.#server.prefetch(words, bytesPerSecond);
  }

  /**
   * From now on pages that somebody waits for, and that no block has, are asked for on this connection, whose other end is a
   * `FaultAnswerer`, by the native thread that reads the faults: no JavaScript is in the way, and none is told (`takeArrivals`). When the connection breaks, or what comes is not what was asked for, they are requested from the fillers, as without it.
   * @param fd A stream socket; taken over, in any case.
   * @param places One for each region.
   */
  askOn(fd: number, places: readonly LanePlace[]): void {
    if (this.#closed) return closeFd(fd);
    const words = Float64Array.from(places.flatMap(({ region, firstPage }) => [region, firstPage]));
    if (!this.#server.askOn(toFd(fd, 'fd'), words)) {
      throw argumentError(RangeError, `a server needs a place for each of its regions, not ${places.length}`);
    }
  }

  /** Pages that came on the lane, with the checksum of what came, in order, each once. 65,536 at most are noted between two calls. */
  takeArrivals(): LaneArrival[] {
    const words = this.#server.takeArrivals();
    const arrivals: LaneArrival[] = [];
    for (let at = 0; at + 2 < words.length; at += 3) {
      arrivals.push({ region: words[at]!, page: words[at + 1]!, crc32c: words[at + 2]! });
    }
    return arrivals;
  }

  /** What was touched before it was there, in the order of first touch, neighbours put together. A million pages at most are noted. */
  touched(): PageOrder[] {
    return triples(this.#server.touched());
  }

  /** Pages that have not come, ascending. */
  missing(): PageOrder[] {
    return triples(this.#server.missing());
  }

  /** `faultWait` is refilled by the next call. */
  stats(): ServeStats {
    this.#server.stats(this.#numbers, this.#waits);
    return decodeStats(this.#numbers, this.#waits);
  }

  /** What went wrong first; undefined while all is well. Pages that are well go on being served. */
  get failure(): ServeError | undefined {
    this.#server.stats(this.#numbers, this.#waits);
    return failureOf(this.#numbers[11]!, this.#numbers[12]!);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Whether the process whose memory it is has ended. */
  get isOwnerGone(): boolean {
    return this.#server.ownerGone();
  }

  /** Ends serving: joins the threads, deals with what is missing, wakes everybody. Idempotent. */
  close({ missing = 'poison' }: CloseOptions = {}): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#server.close(missing === 'poison');
    this.#making.end();
    this.#kept.length = 0;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #check(): void {
    if (this.#closed) throw closedError('the page server');
  }
}

function triples(words: Float64Array): PageOrder[] {
  const order: PageOrder[] = [];
  for (let at = 0; at + 2 < words.length; at += 3) {
    order.push({ region: words[at]!, firstPage: words[at + 1]!, pageCount: words[at + 2]! });
  }
  return order;
}

function failureOf(code: number, errno: number): ServeError | undefined {
  switch (code) {
    case 1:
      return new ServeError('SERVE_LOST', 'pages could not be had and are poisoned', 'The filler knows why');
    case 2:
      return new ServeError(
        'SERVE_EXPOSED',
        'pages could not be had, and this kernel cannot poison them',
        'End whoever uses the memory before the server is closed; Linux 6.6 and later poison such pages',
      );
    case 3:
      return new ServeError(
        'SERVE_MOVED',
        'the owner moved a part of the memory, or forked',
        'Serve memory that stays where it is',
      );
    case 4:
      return new ServeError(
        'SERVE_KERNEL',
        `a page could not be installed: ${new UffdError('ioctl(UFFDIO_COPY)', errno).message}`,
        'Is there memory left?',
      );
    default:
      return undefined;
  }
}

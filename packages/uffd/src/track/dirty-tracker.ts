import { setImmediate } from 'node:timers/promises';
import native from '#native';
import type { Feature } from '../abi.ts';
import { type CaptureRegion, type EngineRegion, resolveRegions } from '../capture-region.ts';
import { foreignWords } from '../capture-words.ts';
import { argumentError, checked, closedError, UffdError } from '../errors.ts';
import { closeAtExit } from '../exit.ts';
import type { Userfaultfd } from '../userfaultfd.ts';
import { decodeRuns, type DirtyRun } from './dirty-run.ts';
import { TrackError } from './track-error.ts';
import type { TrackKind } from './track-kind.ts';
import {
  bestKind,
  foreignTrackFeatures,
  makeForeign,
  makeOwn,
  type TrackerMaking,
} from './tracker-making.ts';

export interface DirtyTrackerOptions {
  /**
   * `async`: the kernel notes writes by itself (Linux 6.7; no privilege needed; a first write costs its writer about a microsecond).
   * `sync`: a native thread notes each first write, while its writer waits for it (tens of microseconds).
   * Default: `async` where the kernel can, otherwise `sync`.
   */
  readonly kind?: TrackKind;
  /** `sync` only: no privilege needed, but a system call that writes to a clean page fails with EFAULT. Default false. */
  readonly userModeOnly?: boolean;
}

/** Another process's memory, and the right to track it. */
export interface ForeignTracking {
  /** A userfaultfd of that process, after `handshake(DirtyTracker.foreignFeatures(kind))`. Taken over, unless opening throws. */
  readonly uffd: Userfaultfd;
  /** Of its /proc/PID/pagemap, opened while it could not execute another program. Duplicated; stays the caller's. */
  readonly pagemapFd: number;
  /** Not registered yet; in the address space of that process. */
  readonly regions: readonly EngineRegion[];
  /** What the handshake asked for. */
  readonly kind: TrackKind;
}

/** How a guest is slowed at its own writes. */
export interface SourceBrake {
  /** How long a writer waits at its first write to a page, in microseconds, 0 to 100000; 0 releases the brake. */
  readonly delayUs: number;
  /** The share of time in which anybody waits for it, and so the most that any writer does: 0 to 0.95. */
  readonly maxShare: number;
}

/** Longer would look like a hang. */
export const BRAKE_DELAY_MAX_US = 100_000;
/** Whoever wants more wants to pause the guest. */
export const BRAKE_SHARE_MAX = 0.95;

/** How much is scanned or protected in one turn of the event loop: below a millisecond where every page is written. */
const SLICE_BYTES = 64n * 2n ** 20n;
const EVERYTHING = 2n ** 63n;

const COLLECT = 0;
const COUNT = 1;
const START = 2;

/**
 * Tells which pages were written since they were last asked about: in memory of this process (`open`) or of another (`openForeign`).
 *
 * Life: `open` → `start` → `collect` … → `close`.
 *
 * Exactness: a page is reported and protected again in one step. So whoever copies pages *after* `collect` returned them misses nothing:
 * a write is either in that copy, or reported by the next `collect`, or both. Pages that the owner threw away (MADV_DONTNEED, a punched
 * hole of private memory) count as written: they are zeros now. Pages may be reported that were not written (a huge page is written as a
 * whole; a fork of the owner); none that was written is left out.
 *
 * Not seen: writes through another mapping of the same file or by another process, writes to a file behind a mapping, DMA into pages that
 * were pinned before; memory that grows or is mapped later, until `use` names it. Memory that is unmapped and stays so may be passed over in
 * silence (`async`): it is reading it that fails then.
 *
 * Stopping: after `close` the memory may be given to a capture engine at once; one range of memory belongs to one userfaultfd, and the
 * protection does not pass from one to the next. What is written between `close` and the arming of the capture is seen by neither: so it
 * is done while the guest is paused, `collect` being the last call before `close`.
 *
 * Concurrency: belongs to the thread that opened it. Writers may be any threads, this one too.
 * Lifetime: keeps the memory alive until `close`. A tracker that is dropped, or whose thread ends, is closed, and every writer goes on (I-4).
 */
export class DirtyTracker {
  readonly kind: TrackKind;
  #regions: readonly EngineRegion[];
  readonly #tracker: native.DirtyTracker;
  readonly #isForeign: boolean;
  #started = false;
  #stepping = false;
  #closed = false;

  /** Takes the descriptor over, unless it throws. */
  private constructor(made: TrackerMaking) {
    this.kind = made.kind;
    this.#regions = made.regions;
    this.#isForeign = made.isForeign;
    this.#tracker = new native.DirtyTracker(
      made.kind === 'async',
      made.uffd.fd,
      made.words,
      made.pagemapFd,
      made.holesAreWritten,
      made.populates,
      made.keptAlive,
    );
    made.uffd.release();
    closeAtExit(this);
  }

  /**
   * Prepares to track memory of this process; nothing is protected yet.
   *
   * @throws TrackError TRACK_UNSUPPORTED where the kernel cannot track this memory.
   * @throws UffdError when userfaultfd is not permitted, or another one has the memory (UFFD_EBUSY).
   * @throws RangeError for memory without whole pages.
   */
  static open(memory: readonly CaptureRegion[], options: DirtyTrackerOptions = {}): DirtyTracker {
    const regions = resolveRegions(memory);
    return DirtyTracker.#from(makeOwn(regions, memory, options));
  }

  /** What `kind` is when it is not given. */
  static bestKind(): TrackKind {
    return bestKind();
  }

  /** What the handshake of another process's userfaultfd has to ask for. */
  static foreignFeatures(kind: TrackKind): readonly Feature[] {
    return foreignTrackFeatures(kind);
  }

  /** Prepares to track another process. @throws as `open`. */
  static openForeign(memory: ForeignTracking): DirtyTracker {
    return DirtyTracker.#from(makeForeign(memory));
  }

  static #from(made: TrackerMaking): DirtyTracker {
    try {
      return new DirtyTracker(made);
    } catch (error) {
      if (!made.isForeign) made.uffd.close();
      throw error;
    } finally {
      made.cleanUp();
    }
  }

  /** In the order in which runs name them. */
  get regions(): readonly EngineRegion[] {
    return this.#regions;
  }

  /** Protects every page, and forgets what was written before. Blocks for about 7 ms a GiB of small pages. */
  start(): void {
    this.#whole(START);
    this.#started = true;
  }

  /** The same in slices below a millisecond, between which the event loop goes on. Pages protected earlier are tracked earlier. */
  async startSliced(signal?: AbortSignal): Promise<void> {
    await this.#sliced(START, signal);
    this.#started = true;
  }

  /**
   * The pages written since `start` or since they were last collected, ascending; they are protected again. Blocks for 0.5 to 3 ms a GiB:
   * meant for the stop at the end, where nothing may come in between.
   *
   * @throws TrackError TRACK_MEMORY_GONE; what was written until then is not lost, nothing else can be collected.
   */
  collect(): DirtyRun[] {
    this.#checkStarted();
    return decodeRuns(this.#whole(COLLECT));
  }

  /** The same in slices below a millisecond, between which the event loop goes on: meant for rounds. */
  async collectSliced(signal?: AbortSignal): Promise<DirtyRun[]> {
    this.#checkStarted();
    return decodeRuns(await this.#sliced(COLLECT, signal));
  }

  /** How many pages `collect` would report; nothing is protected by it. */
  count(): number {
    this.#checkStarted();
    const words = this.#whole(COUNT);
    let pages = 0;
    for (let at = 2; at < words.length; at += 3) pages += words[at]!;
    return pages;
  }

  /**
   * Of another process: what is there now. Pages of ranges that were not tracked before count as written; what is no longer named is left
   * alone. Runs collected from now on name these regions.
   */
  use(regions: readonly EngineRegion[]): void {
    this.#check();
    if (!this.#isForeign) throw argumentError(TypeError, 'memory of this process cannot change its regions');
    this.#done(this.#tracker.use(foreignWords(regions)));
    this.#regions = regions;
  }

  /**
   * `sync` only: keeps each writer waiting at its first write to a page since the last collection, for a guest that writes faster than its
   * pages can be sent. In proportion to the pages that it writes to; capped, so that writers always get somewhere.
   *
   * @throws TrackError TRACK_UNSUPPORTED for `async`, where nobody waits. @throws RangeError for values out of range.
   */
  brake(brake: SourceBrake): void {
    this.#check();
    const { delayUs, maxShare } = brake;
    if (!(delayUs >= 0 && delayUs <= BRAKE_DELAY_MAX_US)) {
      throw argumentError(RangeError, `delayUs must be from 0 to ${BRAKE_DELAY_MAX_US}, not ${delayUs}`);
    }
    if (!(maxShare >= 0 && maxShare <= BRAKE_SHARE_MAX)) {
      throw argumentError(RangeError, `maxShare must be from 0 to ${BRAKE_SHARE_MAX}, not ${maxShare}`);
    }
    if (this.#tracker.brake(Math.round(delayUs * 1000), maxShare)) return;
    throw new TrackError(
      'TRACK_UNSUPPORTED',
      'writers that are tracked asynchronously cannot be slowed',
      'While the guest is at rest, close this tracker and open one with kind: sync',
    );
  }

  /** What a `sync` tracker has cost: first writes that waited, and the time in which the brake held somebody. Zeros for `async`. */
  counts(): { faults: number; heldMs: number } {
    this.#check();
    const [faults = 0, heldNs = 0] = this.#tracker.counts();
    return { faults, heldMs: heldNs / 1e6 };
  }

  /** Lifts all protection, wakes every writer, joins the thread. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#tracker.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #whole(step: number): Uint32Array {
    this.#check();
    this.#tracker.begin(step);
    this.#done(this.#tracker.step(EVERYTHING));
    return this.#tracker.take();
  }

  async #sliced(step: number, signal: AbortSignal | undefined): Promise<Uint32Array> {
    this.#check();
    this.#tracker.begin(step);
    this.#stepping = true;
    try {
      while (this.#done(this.#tracker.step(SLICE_BYTES))) {
        // oxlint-disable-next-line no-await-in-loop -- slice by slice, so that this thread's own work goes on in between
        await setImmediate(undefined, signal === undefined ? {} : { signal });
        if (this.#closed) throw closedError('the tracker');
      }
      return this.#tracker.take();
    } finally {
      this.#stepping = false;
    }
  }

  /** Whether there is more to do. */
  #done(result: number): boolean {
    if (result >= 0) return result > 0;
    try {
      checked(result, 'ioctl(PAGEMAP_SCAN)', { regions: this.#regions.length });
    } catch (error) {
      if (!(error instanceof UffdError)) throw error;
      throw new TrackError(
        'TRACK_MEMORY_GONE',
        'tracked memory was unmapped, or is other memory now',
        'Keep the memory mapped while it is tracked, or name what is there (use)',
        error,
      );
    }
    return false;
  }

  #check(): void {
    if (this.#closed) throw closedError('the tracker');
    if (this.#stepping) throw argumentError(TypeError, 'the tracker is being asked already');
  }

  #checkStarted(): void {
    this.#check();
    if (!this.#started) throw argumentError(TypeError, 'the tracker is not started');
  }
}

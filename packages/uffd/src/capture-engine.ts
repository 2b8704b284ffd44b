import { setImmediate } from 'node:timers/promises';
import native from '#native';
import type { Feature } from './abi.ts';
import { type CaptureError, captureError } from './capture-error.ts';
import {
  type CaptureEngineOptions,
  DISCARDED_NUMBERS,
  OVERFLOW_NUMBERS,
  resolveCaptureOptions,
} from './capture-options.ts';
import { areSameRegions, type CaptureRegion, type EngineRegion, resolveRegions } from './capture-region.ts';
import { FOREIGN_FEATURES, registerOwn } from './capture-registration.ts';
import { type CaptureSlab, SlabDesk } from './capture-slab.ts';
import { type CaptureStats, StatsReader } from './capture-stats.ts';
import { argumentError, checked, closedError, UffdError } from './errors.ts';
import { CaptureWaiters } from './capture-waiters.ts';
import { foreignWords, ownWords } from './capture-words.ts';
import { closeAtExit } from './exit.ts';
import type { ForeignMemory } from './foreign-memory.ts';
import { decodeRuns, type DirtyRun } from './track/dirty-run.ts';
import type { Userfaultfd } from './userfaultfd.ts';

/** Pieces in which memory is armed ahead: a turn of the event loop each, and no longer does the kernel keep the guest from mapping. */
const AHEAD_BYTES = 64n * 2n ** 20n;

/** What a native engine is made of. */
interface EngineParts {
  /** Of the earlier engine, when there is one. */
  readonly uffd: Userfaultfd | undefined;
  readonly regions: readonly EngineRegion[];
  readonly words: BigUint64Array;
  /** Kept alive until the engine is closed. */
  readonly keptAlive: readonly object[];
  readonly memoryFd: number;
  readonly registers: boolean;
  readonly notesChanges: boolean;
  readonly earlier: native.CaptureEngine | null;
}

/**
 * Captures memory at one instant, while it is being written: of this process (`open`) or of another one (`openForeign`).
 *
 * Life: `open` (allocates, registers) → `armAhead` → `arm` (the cut) → `pull` slabs, `release` them, `grant` the sweep its pages → `close`.
 *
 * Concurrency: writers may be any threads: native, workers, and this one too, since faults are served by a native thread that never
 * waits for JavaScript (I-1). The engine belongs to the thread that opened it. Several captures may run at once on different memory.
 *
 * Lifetime: the memory of the regions is kept alive until `close`. A capture that is dropped, or whose thread or process ends, is closed:
 * whatever happens, the memory is disarmed and every writer goes on (I-4).
 */
export class CaptureEngine {
  #regions: readonly EngineRegion[];
  #pageCount: number;
  readonly #isForeign: boolean;
  readonly #engine: native.CaptureEngine;
  readonly #stats: StatsReader;
  readonly #desk: SlabDesk;
  readonly #waiters = new CaptureWaiters();
  /** From the cut on it is noted which pages change; see `watch`. */
  readonly notesChanges: boolean;
  #unchanged: readonly DirtyRun[] | undefined;
  #armed = false;
  #watching = false;
  #failure: CaptureError | undefined;
  #closed = false;

  /** Takes the descriptor over, unless it throws. */
  private constructor(parts: EngineParts, options: CaptureEngineOptions) {
    const { preImagesMaxBytes, overflow, spillDirectory, discarded } = resolveCaptureOptions(options);
    const waiters = this.#waiters;
    this.#engine = new native.CaptureEngine(
      parts.uffd?.fd ?? -1,
      parts.words,
      BigInt(preImagesMaxBytes),
      OVERFLOW_NUMBERS[overflow],
      spillDirectory,
      () => waiters.wake(),
      parts.keptAlive,
      parts.memoryFd,
      parts.registers,
      DISCARDED_NUMBERS[discarded],
      parts.notesChanges,
      parts.earlier,
    );
    parts.uffd?.release();
    this.notesChanges = parts.notesChanges && preImagesMaxBytes > 0;
    this.#isForeign = parts.registers;
    this.#regions = parts.regions;
    this.#stats = new StatsReader(this.#engine);
    this.#pageCount = this.#stats.read().pages;
    this.#desk = new SlabDesk(this.#engine, parts.regions);
    closeAtExit(this);
  }

  /** In the order in which slabs name them. Of another process: final once armed. */
  get regions(): readonly EngineRegion[] {
    return this.#regions;
  }

  /** Of all regions. */
  get pageCount(): number {
    return this.#pageCount;
  }

  /**
   * Prepares a capture: everything that costs time happens here; nothing is armed yet.
   *
   * @throws UffdError when userfaultfd is not permitted (see `probe()`), or another one has the memory (UFFD_EBUSY).
   * @throws RangeError for memory without whole pages, or options out of range.
   */
  static open(memory: readonly CaptureRegion[], options: CaptureEngineOptions = {}): CaptureEngine {
    resolveCaptureOptions(options);
    const regions = resolveRegions(memory);
    const { uffd, holes } = registerOwn(regions, options.userModeOnly === true);
    try {
      return new CaptureEngine(
        {
          uffd,
          regions,
          words: ownWords(regions, holes),
          keptAlive: memory.map((region) => region.memory),
          memoryFd: -1,
          registers: false,
          notesChanges: holes && options.notesChanges === true && options.userModeOnly !== true,
          earlier: null,
        },
        options,
      );
    } catch (error) {
      uffd.close();
      throw fromNative(error);
    }
  }

  /**
   * Prepares a capture of what may have changed since the cut of `earlier`, which watches the same memory (`watch`), and takes over from it;
   * `earlier` is closed in any case. The cut protects only what has changed. `unchanged` then tells what is left out.
   *
   * @throws as `open`. @throws TypeError when `earlier` does not watch.
   */
  static openSince(
    earlier: CaptureEngine,
    memory: readonly CaptureRegion[],
    options: CaptureEngineOptions = {},
  ): CaptureEngine {
    resolveCaptureOptions(options);
    if (!earlier.#watching) throw argumentError(TypeError, 'the earlier capture does not watch');
    try {
      const regions = resolveRegions(memory);
      if (!areSameRegions(regions, earlier.#regions)) {
        throw argumentError(TypeError, 'the earlier capture watches other memory');
      }
      return new CaptureEngine(
        {
          uffd: undefined,
          regions,
          // What has no page now may have had one at the earlier cut.
          words: ownWords(regions, false),
          keptAlive: memory.map((region) => region.memory),
          memoryFd: -1,
          registers: false,
          notesChanges: options.notesChanges === true,
          earlier: earlier.#engine,
        },
        options,
      );
    } catch (error) {
      throw fromNative(error);
    } finally {
      earlier.endWatch();
    }
  }

  /** What the handshake of another process's userfaultfd has to ask for. */
  static readonly foreignFeatures: readonly Feature[] = FOREIGN_FEATURES;

  /**
   * Prepares a capture of another process. It may go on mapping and unmapping: `arm` is told what there is then.
   *
   * @throws UffdError when the store cannot be had. @throws RangeError for regions that overlap or are not whole pages.
   */
  static openForeign(memory: ForeignMemory, options: CaptureEngineOptions = {}): CaptureEngine {
    resolveCaptureOptions(options);
    const { uffd, regions, memoryFd } = memory;
    try {
      return new CaptureEngine(
        {
          uffd,
          regions,
          words: foreignWords(regions),
          keptAlive: [],
          memoryFd,
          registers: true,
          notesChanges: false,
          earlier: null,
        },
        options,
      );
    } catch (error) {
      throw fromNative(error);
    }
  }

  /**
   * Write-protects ahead of the cut, while the guest runs, so that the cut itself is short: what is written meanwhile is let through at
   * once and protected again by `arm`. Optional; soon before `arm`. Returns early when `signal` aborts or the capture is closed.
   */
  async armAhead(signal?: AbortSignal): Promise<void> {
    this.#check();
    if (this.#armed) throw argumentError(TypeError, 'the capture is armed already');
    while (this.#engine.armAhead(AHEAD_BYTES)) {
      // oxlint-disable-next-line no-await-in-loop -- piece by piece, so that this thread's own work goes on in between
      await setImmediate();
      if (this.#closed || this.#armed || signal?.aborted === true) return;
    }
  }

  /**
   * Write-protects every page: the cut. Once. The guest must be at rest for the cut to be one instant.
   *
   * @param regions Of another process: what is there now, which need not resemble what was there when it was opened.
   * @throws UffdError UFFD_EBUSY when another userfaultfd has part of it, UFFD_EINVAL or UFFD_ENOENT for memory that cannot be armed.
   * @throws RangeError for regions that overlap or are not whole pages.
   */
  arm(regions?: readonly EngineRegion[]): void {
    this.#check();
    if (this.#armed) throw argumentError(TypeError, 'the capture is armed already');
    if (regions !== undefined && !this.#isForeign) {
      throw argumentError(TypeError, 'memory of this process cannot change its regions');
    }
    this.#armed = true;
    const result = this.#engine.arm(regions === undefined ? null : foreignWords(regions));
    checked(-result, 'ioctl(UFFDIO_WRITEPROTECT)', { pages: this.#pageCount });
    const unchanged = this.#engine.unchanged();
    if (unchanged !== null) {
      this.#unchanged = decodeRuns(unchanged);
      this.#pageCount = this.#stats.read().pages;
    }
    if (regions === undefined) return;
    this.#regions = regions;
    this.#pageCount = this.#stats.read().pages;
    this.#desk.use(regions);
  }

  /**
   * Up to `maxSlabs` filled slabs, those of faults first. Never blocks; empty when nothing is ready.
   * @throws CaptureError when the capture has failed.
   */
  pull(maxSlabs: number): CaptureSlab[] {
    this.#check();
    const { failure } = this.#stats.read();
    if (failure !== 0) throw captureError(failure);
    return this.#desk.lend(this.#engine.pull(maxSlabs));
  }

  /** Lets the sweep capture up to `pages` more, not before `notBeforeNs` (CLOCK_MONOTONIC). Replaces what is left of the last grant. */
  grant(pages: number, notBeforeNs = 0): void {
    this.#check();
    if (!this.#armed) throw argumentError(TypeError, 'the capture is not armed');
    if (!(pages >= 0)) throw argumentError(RangeError, `pages must be 0 or more, not ${pages}`);
    this.#engine.grant(
      BigInt(Math.min(Math.floor(pages), Number.MAX_SAFE_INTEGER)),
      Math.max(0, Math.floor(notBeforeNs)),
    );
  }

  /**
   * Resolves when `pull` would return or throw something, all pages are captured, or the capture is closed; at `untilNs` or when
   * `signal` aborts at the latest. May resolve early; never rejects for these reasons. Keeps the event loop alive meanwhile.
   */
  async wait(options: { untilNs?: number; signal?: AbortSignal } = {}): Promise<void> {
    if (this.#closed || options.signal?.aborted === true || this.#engine.readyOrNotify()) return;
    await this.#waiters.wait(options, (isWanted) => this.#engine.keepAlive(isWanted));
  }

  /** Numbers since arming. `faultWait` is refilled by the next call. */
  stats(): CaptureStats {
    this.#check();
    return this.#stats.readAll();
  }

  /** Ends the sweep, so that whoever registered the memory may unregister it before `close`. Nothing more is captured but by faults. */
  stopSweep(): void {
    this.#check();
    this.#engine.stopSweep();
  }

  /** Once armed, of a capture that was opened with `openSince`: pages that are as at the earlier cut. They are not captured. */
  get unchanged(): readonly DirtyRun[] | undefined {
    return this.#unchanged;
  }

  /**
   * Instead of `close`, with `notesChanges` and when every page is captured: the memory stays protected, and what changes is noted until
   * `endWatch` or a capture that is opened with `openSince`. For everything else this capture is closed.
   *
   * @returns false when that cannot be: the capture is not complete, has failed, or does not note changes. Then it is closed.
   */
  watch(): boolean {
    this.#check();
    this.#watching = this.#engine.watch();
    this.#finish();
    return this.#watching;
  }

  /** Disarms what `watch` left protected, and wakes every writer. Idempotent. */
  endWatch(): void {
    if (!this.#watching) return;
    this.#watching = false;
    this.#engine.close();
  }

  /**
   * Disarms everything, wakes every writer, joins the threads. Idempotent, at any stage. Slabs on loan stay readable until their
   * `release`; the store's memory goes with the last of them.
   */
  close(): void {
    this.endWatch();
    if (this.#closed) return;
    this.#engine.close();
    this.#finish();
  }

  #finish(): void {
    this.#closed = true;
    const { failure } = this.#stats.read();
    if (failure !== 0) this.#failure = captureError(failure);
    this.#desk.close();
    this.#waiters.wake();
  }

  /** After `close`: why the capture has failed, if it has. The last pages may turn out not to be those of the cut only then. */
  get failure(): CaptureError | undefined {
    return this.#failure;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #check(): void {
    if (this.#closed) throw closedError('the capture');
  }
}

function fromNative(error: unknown): unknown {
  if (!(error instanceof Error) || !('errno' in error) || error instanceof UffdError) return error;
  return new UffdError('open of the pre-image store', Number(error.errno), {}, { cause: error });
}

import {
  type CaptureRegion,
  type DirtyRun,
  DirtyTracker,
  type DirtyTrackerOptions,
  pagesIn,
  type SourceBrake,
  type TrackKind,
} from '@stillframe/uffd';
import { mergeRuns } from './merge-runs.ts';

export interface TrackMemoryOptions extends DirtyTrackerOptions {
  /** Whether the guest's writers are at rest: then what is left is collected at once, because they wait. Default never. */
  readonly isPaused?: () => boolean;
}

/**
 * Tracks writes to memory of this process from the moment that it resolves. `region` of a run is an index into `regions`.
 *
 * @throws TrackError, UffdError, RangeError: see `DirtyTracker.open` of @stillframe/uffd.
 */
export async function trackMemory(
  regions: readonly CaptureRegion[],
  options: TrackMemoryOptions = {},
): Promise<MemoryTracker> {
  const tracker = DirtyTracker.open(regions, options);
  try {
    await tracker.startSliced();
  } catch (error) {
    tracker.close();
    throw error;
  }
  return new MemoryTracker(tracker, regions, options);
}

/** What a migration needs of a guest that moves: which of its pages were written. See `trackMemory`. */
export class MemoryTracker {
  readonly #memory: readonly CaptureRegion[];
  readonly #options: TrackMemoryOptions;
  readonly #isPaused: () => boolean;
  #tracker: DirtyTracker;
  /** Collected from a tracker that another has taken the place of. */
  #carried: readonly DirtyRun[] = [];

  /** @internal Made by `trackMemory`. */
  constructor(tracker: DirtyTracker, memory: readonly CaptureRegion[], options: TrackMemoryOptions) {
    this.#tracker = tracker;
    this.#memory = memory;
    this.#options = options;
    this.#isPaused = options.isPaused ?? (() => false);
  }

  get kind(): TrackKind {
    return this.#tracker.kind;
  }

  /**
   * What was written since the last call, or since tracking began; those pages are clean again. While the guest runs it is done in slices
   * below a millisecond, while it is paused in one piece.
   */
  async collect(): Promise<DirtyRun[]> {
    const runs = this.#isPaused() ? this.#tracker.collect() : await this.#tracker.collectSliced();
    const carried = this.#carried;
    this.#carried = [];
    return carried.length === 0 ? runs : mergeRuns(carried, runs);
  }

  /** How many pages `collect` would report; pages in twos, when they were written before and after `slow`. */
  count(): number {
    return this.#tracker.count() + pagesIn(this.#carried);
  }

  /**
   * Slows the guest's writers at their first writes, see `SourceBrake` of @stillframe/uffd: the last resort against a guest that writes faster
   * than its pages can be sent. The first call exchanges asynchronous tracking for synchronous, which takes 15 ms a GiB, and the
   * guest has to be at rest for it, or writes would go unseen; from then on a first write costs tens of microseconds with the brake off, too.
   *
   * @throws TypeError when the guest is not paused for the first call. @throws UffdError when synchronous tracking is not permitted; the
   * tracking goes on as before.
   */
  async slow(brake: SourceBrake): Promise<void> {
    if (this.#tracker.kind === 'async') this.#exchange();
    this.#tracker.brake(brake);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#tracker.close();
  }

  #exchange(): void {
    if (!this.#isPaused()) throw new TypeError('the guest is not paused: writes would go unseen');
    this.#carried = mergeRuns(this.#carried, this.#tracker.collect());
    this.#tracker.close();
    try {
      this.#begin('sync');
    } catch (error) {
      this.#begin('async');
      throw error;
    }
  }

  #begin(kind: TrackKind): void {
    const tracker = DirtyTracker.open(this.#memory, { ...this.#options, kind });
    try {
      tracker.start();
    } catch (error) {
      tracker.close();
      throw error;
    }
    this.#tracker = tracker;
  }
}

import {
  type CaptureRegion,
  type DirtyRun,
  DirtyTracker,
  type DirtyTrackerOptions,
  type TrackKind,
} from '@stillframe/uffd';

export interface TrackMemoryOptions extends DirtyTrackerOptions {
  /** Whether the guest's writers are at rest: then what is left is collected at once, because they wait. Default never. */
  readonly isPaused?: () => boolean;
}

/** What a migration needs of a guest that moves: which of its pages were written. */
export interface MemoryTracker {
  readonly kind: TrackKind;
  /**
   * What was written since the last call, or since tracking began; those pages are clean again. While the guest runs it is done in slices
   * below a millisecond, while it is paused in one piece.
   */
  collect(): Promise<DirtyRun[]>;
  /** How many pages `collect` would report. */
  count(): number;
  /** Idempotent. */
  close(): Promise<void>;
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
  const { isPaused = () => false, ...rest } = options;
  const tracker = DirtyTracker.open(regions, rest);
  try {
    await tracker.startSliced();
  } catch (error) {
    tracker.close();
    throw error;
  }
  return {
    kind: tracker.kind,
    collect: async () => (isPaused() ? tracker.collect() : tracker.collectSliced()),
    count: () => tracker.count(),
    close: async () => tracker.close(),
  };
}

import type { Limiter } from '@stillframe/limiter';
import type { AnnouncedLimits, ChunkOptions, PageCodec } from '@stillframe/page-stream';
import { type Clock, monotonicClock } from './clock.ts';
import type { LimiterStep, SnapshotEvent, SnapshotProgress, SnapshotSummary } from './event.ts';
import type { CaptureOptions, Guest } from './guest.ts';
import { packedSlabs } from './pump-mode.ts';
import { type Run, startRun } from './run.ts';
import type { Sink } from './sink.ts';
import { SnapshotJob } from './snapshot-job.ts';

export interface SnapshotOptions {
  /** Stays the caller's: it is neither disposed of nor left paused. */
  readonly guest: Guest;
  /** Ended when the image is complete, aborted otherwise. */
  readonly sink: Sink;
  readonly limiter: Limiter;
  readonly capture: CaptureOptions;
  /** Native speed for checksums and zero scan; the pure codec of page-stream when not given. */
  readonly codec?: PageCodec;
  /** The real clock when not given. */
  readonly clock?: Clock;
  /** Ends the snapshot at any moment; the guest runs on and nothing is kept. */
  readonly signal?: AbortSignal;
  /** 16 bytes that tell this image from others; drawn at random when not given. */
  readonly streamId?: Uint8Array;
  /** What the reader at the other end accepts; the limits of the format when not given. */
  readonly readerLimits?: AnnouncedLimits;
  /**
   * How pages travel: compressed, with an index, as an increment; plain PAGES frames when not given. With a packer they are packed away from
   * the event loop, and a slab goes back to the store as soon as it is packed; the packer stays the caller's. `parent` makes an increment if the
   * guest has the parent's regions, else the image is complete in itself and the summary says so.
   */
  readonly chunks?: ChunkOptions;
  /** Slabs that are packed or wait for the sink at a time, 1 to 32; 4 when not given. As many as the packer has buffers keeps it busy. */
  readonly packedSlabs?: number;
  /** When the capture should be finished, counted from the cut; the limiter is told. No deadline when not given. */
  readonly deadlineMs?: number;
  /** Between two progress events; 100 when not given. */
  readonly progressIntervalMs?: number;
  /**
   * Called with every decision of the limiter, before it is acted on, for traces; between two batches, so its time is the stream's.
   * `observation` and `grant` are the caller's to keep. What it throws fails the snapshot.
   */
  readonly onLimiterStep?: (step: LimiterStep) => void;
}

/** Options with the defaults filled in. */
export interface ResolvedSnapshotOptions extends SnapshotOptions {
  readonly clock: Clock;
  readonly streamId: Uint8Array;
  readonly progressIntervalMs: number;
  readonly packedSlabs: number;
}

/** A snapshot that is being taken. */
export interface SnapshotRun<Summary extends SnapshotSummary = SnapshotSummary>
  extends Run<SnapshotEvent, Summary> {
  /** The numbers as they are now. */
  progress(): SnapshotProgress;
  /**
   * Exchanges the limiter at any moment; it is asked at once. One of the same name takes over the state of the one before if it can
   * (`Limiter.adopt`), any other begins anew. Throws `limiter-failed`, and keeps the old one, when the new one cannot be used.
   */
  useLimiter(limiter: Limiter): void;
  /** Stops the sweep, or (`false`) lets it go on. Faults are served and sent all the same; the limiter goes on being asked. */
  holdSweep(isHeld: boolean): void;
}

/**
 * Streams a point-in-time image of `guest` to `sink` while its writers go on. It begins at once.
 *
 * Order: stream header and region table → `guest.open` → pause, save state, arm (the cut), resume → state → faults, and between
 * them the sweep as the limiter allows → disarm → END → `sink.end`.
 *
 * On every path the guest is resumed and disarmed (I-4), and a sink that has not ended is aborted (I-7).
 *
 * Throws TypeError or RangeError for options or regions that no image can have. Otherwise see `SnapshotErrorCode`.
 */
export function takeSnapshot(options: SnapshotOptions): SnapshotRun {
  return startSnapshot(options, (summary) => summary);
}

/** `takeSnapshot`, with a summary that `complete` has looked at; what it throws fails the run. */
export function startSnapshot<Summary extends SnapshotSummary>(
  options: SnapshotOptions,
  complete: (summary: SnapshotSummary) => Summary,
): SnapshotRun<Summary> {
  assertOptions(options);
  const job = new SnapshotJob({
    ...options,
    clock: options.clock ?? monotonicClock,
    streamId: options.streamId ?? crypto.getRandomValues(new Uint8Array(16)),
    progressIntervalMs: options.progressIntervalMs ?? DEFAULT_PROGRESS_INTERVAL_MS,
    packedSlabs: packedSlabs(options.packedSlabs),
  });
  const run = startRun(job.events, options.signal, async (signal) => complete(await job.run(signal)));
  return {
    ...run,
    progress: () => job.progress(),
    useLimiter: (limiter) => job.useLimiter(limiter),
    holdSweep: (isHeld) => job.holdSweep(isHeld),
  };
}

/** Ten a second: smooth to look at, invisible in a profile. */
const DEFAULT_PROGRESS_INTERVAL_MS = 100;

function assertOptions({ capture, chunks, deadlineMs, progressIntervalMs }: SnapshotOptions): void {
  if (capture.changedSince !== undefined && chunks?.parent === undefined) {
    throw new TypeError(
      'changedSince leaves pages out, which only an increment can: chunks.parent is missing',
    );
  }
  if (!Number.isSafeInteger(capture.preImagesMaxBytes) || capture.preImagesMaxBytes < 0) {
    throw new RangeError(
      `preImagesMaxBytes must be a whole number of bytes, got ${capture.preImagesMaxBytes}`,
    );
  }
  if (!['spill', 'stall', 'abort'].includes(capture.overflow)) {
    throw new RangeError(`overflow must be spill, stall or abort, got ${capture.overflow}`);
  }
  if (capture.preImagesMaxBytes === 0 && capture.overflow !== 'stall') {
    throw new RangeError('preImagesMaxBytes 0 keeps nothing: it works only with overflow stall');
  }
  for (const [name, value] of Object.entries({ deadlineMs, progressIntervalMs })) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      throw new RangeError(`${name} must be a positive number of milliseconds, got ${value}`);
    }
  }
}

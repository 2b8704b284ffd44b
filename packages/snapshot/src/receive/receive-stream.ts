import { type PageCodec, PageStreamDecoder, type StreamLimits } from '@stillframe/page-stream';
import { type Clock, monotonicClock } from '../clock.ts';
import { asSnapshotError } from '../error.ts';
import { EventHub } from '../event-hub.ts';
import type { Target } from '../guest.ts';
import { Interruption } from '../interruption.ts';
import { type Run, startRun } from '../run.ts';
import { type ByteSource, sourceOf } from '../source.ts';
import { asStreamFailure } from '../stream-failure.ts';
import type { ReceiveEvent, ReceiveProgress, ReceiveSummary } from './event.ts';
import { readFrames } from './read-frames.ts';
import { ImageReceiver, type Verify } from './receive-image.ts';

/** What receiving needs wherever the bytes come from. */
export interface ReceiveOptions {
  /** Committed when the image is whole and verified, told to discard otherwise. */
  readonly target: Target;
  /** Native speed for checksums; the pure codec of page-stream when not given. */
  readonly codec?: PageCodec;
  /** Lowers the limits of the format; they bound what is allocated because a stream says so (I-6). */
  readonly limits?: Partial<StreamLimits>;
  /** The oracle. */
  readonly verify?: Verify;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** Between two progress events; 100 when not given. */
  readonly progressIntervalMs?: number;
}

export interface StreamOptions extends ReceiveOptions {
  /** The stream of one image, e.g. a file. Stays the caller's to close. */
  readonly source: ByteSource | AsyncIterable<Uint8Array>;
}

/** An image that is being received. */
export interface ReceiveRun<Summary extends ReceiveSummary = ReceiveSummary>
  extends Run<ReceiveEvent, Summary> {
  /** The numbers as they are now. */
  progress(): ReceiveProgress;
}

export const DEFAULT_PROGRESS_INTERVAL_MS = 100;

/**
 * Reads a stored image into `target`. It begins at once.
 *
 * Fails with `source-failed`, `corrupt-stream`, `version-mismatch`, `target-failed`, `not-verified` or `aborted`; then the target was
 * told to discard. Throws RangeError for limits above those of the format.
 */
export function receiveStream(options: StreamOptions): ReceiveRun {
  const { source, target, codec, limits, verify, clock = monotonicClock } = options;
  const decoder = new PageStreamDecoder({
    from: 'file',
    ...(codec === undefined ? {} : { codec }),
    ...(limits === undefined ? {} : { limits }),
  });
  const events = new EventHub<ReceiveEvent>(['progress']);
  const interruption = new Interruption('the receipt');
  const receiver = new ImageReceiver({
    frames: typedFrames('read' in source ? source : sourceOf(source), decoder),
    offset: () => decoder.offset,
    target,
    verify,
    clock,
    interruption,
    events,
    progressIntervalMs: options.progressIntervalMs ?? DEFAULT_PROGRESS_INTERVAL_MS,
  });
  const run = startRun(events, options.signal, (signal) => {
    interruption.follow(signal);
    return receiver.run();
  });
  return { ...run, progress: () => receiver.progress() };
}

/** Restores a stored image: the same machine. */
export const restoreImage = receiveStream;

async function* typedFrames(source: ByteSource, decoder: PageStreamDecoder) {
  try {
    yield* readFrames(source, decoder);
  } catch (error) {
    throw asSnapshotError(asStreamFailure(error), 'source-failed', 'source.read');
  }
}

import {
  type Frame,
  type PageCodec,
  type PageReader,
  PageStreamDecoder,
  type ParentImage,
  type StreamLimits,
} from '@stillframe/page-stream';
import { type Clock, monotonicClock } from '../clock.ts';
import { asSnapshotError } from '../error.ts';
import { EventHub } from '../event-hub.ts';
import type { Target } from '../guest.ts';
import { Interruption } from '../interruption.ts';
import { type Run, startRun } from '../run.ts';
import { type ByteSource, sourceOf } from '../source.ts';
import { asStreamFailure } from '../stream-failure.ts';
import { ChainFrames, type ChainLayer } from './chain-frames.ts';
import type { ReceiveEvent, ReceiveProgress, ReceiveSummary } from './event.ts';
import { decoderSources, readerOf } from './read-back.ts';
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
  /**
   * What an increment builds on, verified by whoever gives it: pages that did not change are copied from it. Without it an increment is
   * refused.
   */
  readonly parent?: ParentImage;
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
  /** Where pages that came before can be read, when the target cannot read back: e.g. the stored image itself, opened by `openImage`. */
  readonly earlier?: PageReader;
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
  const { source, target, codec, limits, parent } = options;
  const decoder = new PageStreamDecoder({
    from: 'file',
    ...(codec === undefined ? {} : { codec }),
    ...(limits === undefined ? {} : { limits }),
    ...(options.earlier === undefined ? {} : { earlier: options.earlier }),
    ...decoderSources(target, parent),
  });
  const bytes = 'read' in source ? source : sourceOf(source);
  return receiveFrames(readFrames(bytes, decoder, { ahead: true }), () => decoder.offset, options);
}

/** Restores a stored image: the same machine. */
export const restoreImage = receiveStream;

export interface ChainOptions extends Omit<ReceiveOptions, 'parent'> {
  /** The image that is complete in itself first, then each increment of the one before it. */
  readonly layers: readonly ChainLayer[];
}

/**
 * As `receiveStream`, for an increment and all images below it: layer over layer in the target, which must be able to read back. Every
 * layer is checked as an image of its own. The summary is that of the last, its `bytes` those of all.
 */
export function restoreChain(options: ChainOptions): ReceiveRun {
  const { target, codec, limits, layers } = options;
  const memory = readerOf(target);
  if (memory === undefined) throw new TypeError('a chain needs a target with readPages');
  if (layers.length === 0) throw new RangeError('a chain of no images');
  const chain = new ChainFrames({
    layers,
    memory,
    ...(codec === undefined ? {} : { codec }),
    ...(limits === undefined ? {} : { limits }),
  });
  return receiveFrames(chain.frames(), () => chain.offset, options);
}

function receiveFrames(
  frames: AsyncIterable<Frame>,
  offset: () => number,
  { target, verify, parent, clock = monotonicClock, signal, progressIntervalMs }: ReceiveOptions,
): ReceiveRun {
  const events = new EventHub<ReceiveEvent>(['progress']);
  const interruption = new Interruption('the receipt');
  const receiver = new ImageReceiver({
    frames: typedFrames(frames),
    offset,
    target,
    parent,
    verify,
    clock,
    interruption,
    events,
    progressIntervalMs: progressIntervalMs ?? DEFAULT_PROGRESS_INTERVAL_MS,
  });
  const run = startRun(events, signal, (runSignal) => {
    interruption.follow(runSignal);
    return receiver.run();
  });
  return { ...run, progress: () => receiver.progress() };
}

async function* typedFrames(frames: AsyncIterable<Frame>) {
  try {
    yield* frames;
  } catch (error) {
    throw asSnapshotError(asStreamFailure(error), 'source-failed', 'source.read');
  }
}

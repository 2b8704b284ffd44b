import { setImmediate as turn } from 'node:timers/promises';
import {
  type FrameSummary,
  type ImageTotals,
  PageStreamDecoder,
  PageStreamError,
  type RegionEntry,
  StateCollector,
  type StateInput,
  walkFrames,
} from '@stillframe/page-stream';
import { SnapshotError } from '@stillframe/snapshot';
import { pageCodec } from './codec.ts';
import type { FileSource } from './io/file-source.ts';

/** How often a frame type occurs. */
export interface FrameTally {
  readonly type: string;
  readonly count: number;
  /** Headers included. */
  readonly bytes: number;
  /** Runs of pages; only for PAGES. */
  readonly runs: number;
}

/** What the headers of an image say. Page bytes were not read. */
export interface ImageSurvey {
  readonly version: number;
  /** 32 hexadecimal digits. */
  readonly streamId: string;
  readonly regions: readonly RegionEntry[];
  readonly state: { readonly kind: string; readonly sizeBytes: number };
  /** The bytes of the state. */
  readonly stateBytes: Uint8Array;
  readonly frames: readonly FrameTally[];
  readonly totals: ImageTotals;
}

/** Frames between two looks at signals: a walk is a long synchronous loop. */
const FRAMES_PER_TURN = 4096;

/**
 * Walks over the frames of an image. Headers, region table, guest state and totals are checked, page bytes are not: for looking, not
 * for believing.
 *
 * Throws SnapshotError `corrupt-stream` or `version-mismatch` with the byte offset, whose cause is the PageStreamError, and the reason
 * of `signal`.
 */
export async function surveyImage(
  source: FileSource,
  options: { onFrame?: (frame: FrameSummary) => void; signal: AbortSignal },
): Promise<ImageSurvey> {
  const surveyor = new Surveyor();
  const read = (offset: number, length: number) => source.readAt(offset, length);
  let walked = 0;
  try {
    for (const frame of walkFrames(read)) {
      surveyor.take(frame, read);
      options.onFrame?.(frame);
      walked += 1;
      // oxlint-disable-next-line no-await-in-loop -- one frame after the other
      if (walked % FRAMES_PER_TURN === 0) await turn();
      options.signal.throwIfAborted();
    }
    return surveyor.finish(source.sizeBytes);
  } catch (error) {
    throw error instanceof PageStreamError ? asFailure(error) : error;
  }
}

/** Takes the frames of one image in order. */
class Surveyor {
  readonly #decoder = new PageStreamDecoder({ from: 'file', codec: pageCodec });
  readonly #tallies = new Map<string, FrameTally>();
  #header: Pick<ImageSurvey, 'version' | 'streamId'> | undefined;
  #regions: readonly RegionEntry[] | undefined;
  readonly #collector = new StateCollector();
  #state: StateInput | undefined;
  #pages = 0;
  #end: ImageTotals | undefined;

  take(frame: FrameSummary, read: (offset: number, length: number) => Uint8Array): void {
    const { typeName, offset, frameBytes, pages, end } = frame;
    if (this.#end !== undefined) {
      throw new PageStreamError('STREAM_TRAILING_BYTES', offset, 'bytes after the end');
    }
    this.#count(frame);
    if (pages !== undefined || end !== undefined) {
      if (this.#state === undefined) {
        throw new PageStreamError('STREAM_UNEXPECTED_FRAME', offset, `${typeName} before the guest state`);
      }
      this.#pages += (pages?.dataPages ?? 0) + (pages?.zeroPages ?? 0);
      this.#end = end;
    } else if (this.#state === undefined) {
      this.#decode(read(offset, frameBytes));
    }
  }

  finish(sizeBytes: number): ImageSurvey {
    if (
      this.#header === undefined ||
      this.#regions === undefined ||
      this.#state === undefined ||
      this.#end === undefined
    ) {
      throw new PageStreamError('STREAM_TRUNCATED', sizeBytes, 'the stream ends without END');
    }
    if (this.#end.pages !== this.#pages) {
      const message = `END states ${this.#end.pages} pages, the frames have ${this.#pages}`;
      throw new PageStreamError('STREAM_TOTALS', sizeBytes, message);
    }
    return {
      ...this.#header,
      regions: this.#regions,
      state: { kind: this.#state.kind, sizeBytes: this.#state.bytes.byteLength },
      stateBytes: this.#state.bytes,
      frames: [...this.#tallies.values()],
      totals: this.#end,
    };
  }

  #count({ typeName, frameBytes, pages }: FrameSummary): void {
    const { count, bytes, runs } = this.#tallies.get(typeName) ?? { count: 0, bytes: 0, runs: 0 };
    this.#tallies.set(typeName, {
      type: typeName,
      count: count + 1,
      bytes: bytes + frameBytes,
      runs: runs + (pages?.runCount ?? 0),
    });
  }

  /** What comes before the pages is small, so it is read and checked whole. */
  #decode(bytes: Uint8Array): void {
    for (const frame of this.#decoder.push(bytes)) {
      if (frame.type === 'header') {
        this.#header = { version: frame.version, streamId: Buffer.from(frame.streamId).toString('hex') };
      } else if (frame.type === 'regions') {
        this.#regions = frame.regions;
      } else if (frame.type === 'state') {
        this.#state = this.#collector.add(frame);
      }
    }
  }
}

/** As receiving an image says it. */
function asFailure(error: PageStreamError): SnapshotError {
  const isVersion = error.code === 'STREAM_VERSION' || error.code === 'STREAM_FEATURE';
  return new SnapshotError(isVersion ? 'version-mismatch' : 'corrupt-stream', error.message, {
    operands: { streamCode: error.code, byteOffset: error.offset },
    hint: error.hint,
    cause: error,
  });
}

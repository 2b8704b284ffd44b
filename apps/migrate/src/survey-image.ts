import { setImmediate as turn } from 'node:timers/promises';
import {
  FORMAT_VERSION,
  type FrameSummary,
  featureNames,
  formatDigest,
  type ImageTotals,
  PageStreamError,
  type ParentIdentity,
  type RegionEntry,
  readImageHead,
  walkFrames,
} from '@stillframe/page-stream';
import { asFailure } from './chain/image-link.ts';
import { CodecMix, type KindTally } from './codec-mix.ts';
import { pageCodec } from './codec.ts';
import { type ImageLayout, surveyLayout } from './image-layout.ts';
import type { FileSource } from './io/file-source.ts';

/** How often a frame type occurs. */
export interface FrameTally {
  readonly type: string;
  readonly count: number;
  /** Headers included. */
  readonly bytes: number;
  /** Runs of pages; only for PAGES and CHUNKS. */
  readonly runs: number;
}

/** What an increment names as its parent. */
export interface ParentSurvey {
  readonly streamId: string;
  readonly digest: string;
  readonly chainLength: number;
}

/** What the headers and run tables of an image say. Page bytes were not read. */
export interface ImageSurvey {
  readonly version: number;
  /** 32 hexadecimal digits. */
  readonly streamId: string;
  /** Names of the features that a reader must know. */
  readonly features: readonly string[];
  readonly parent: ParentSurvey | null;
  readonly regions: readonly RegionEntry[];
  readonly state: { readonly kind: string; readonly sizeBytes: number };
  /** The bytes of the state. */
  readonly stateBytes: Uint8Array;
  readonly frames: readonly FrameTally[];
  /** How the pages are stored. */
  readonly mix: readonly KindTally[];
  readonly layout: ImageLayout;
  readonly totals: ImageTotals;
}

/** Frames between two looks at signals: a walk is a long synchronous loop. */
const FRAMES_PER_TURN = 4096;

/**
 * Walks over the frames of an image. Headers, region table, guest state and totals are checked, page bytes are not: for looking, not
 * for believing. An increment needs no parent for it.
 *
 * Throws SnapshotError `corrupt-stream` or `version-mismatch` with the byte offset, whose cause is the PageStreamError, and the reason
 * of `signal`.
 */
export async function surveyImage(
  source: FileSource,
  options: { onFrame?: (frame: FrameSummary) => void; signal: AbortSignal },
): Promise<ImageSurvey> {
  const frames = new FrameTallies();
  const read = (offset: number, length: number) => source.readAt(offset, length);
  let walked = 0;
  try {
    for (const frame of walkFrames(read)) {
      frames.take(frame);
      options.onFrame?.(frame);
      walked += 1;
      // oxlint-disable-next-line no-await-in-loop -- one frame after the other
      if (walked % FRAMES_PER_TURN === 0) await turn();
      options.signal.throwIfAborted();
    }
    const totals = frames.finish(source.sizeBytes);
    const head = readImageHead(read, { sizeBytes: source.sizeBytes, codec: pageCodec });
    return {
      version: FORMAT_VERSION,
      streamId: hex(head.streamId),
      features: featureNames(head.requiredFeatures),
      parent: head.parent === undefined ? null : parentSurvey(head.parent),
      regions: head.regions,
      state: { kind: head.state.kind, sizeBytes: head.state.bytes.byteLength },
      stateBytes: head.state.bytes,
      frames: frames.tallies,
      mix: frames.mix.tallies,
      layout: surveyLayout(source),
      totals,
    };
  } catch (error) {
    throw error instanceof PageStreamError ? asFailure(error) : error;
  }
}

/** Takes the frames of one image in order. */
class FrameTallies {
  readonly mix = new CodecMix();
  readonly #tallies = new Map<string, FrameTally>();
  #pages = 0;
  #end: ImageTotals | undefined;

  take(frame: FrameSummary): void {
    if (this.#end !== undefined) {
      throw new PageStreamError('STREAM_TRAILING_BYTES', frame.offset, 'bytes after the end');
    }
    const { typeName, frameBytes, pages } = frame;
    const { count, bytes, runs } = this.#tallies.get(typeName) ?? { count: 0, bytes: 0, runs: 0 };
    this.#tallies.set(typeName, {
      type: typeName,
      count: count + 1,
      bytes: bytes + frameBytes,
      runs: runs + (pages?.runCount ?? 0),
    });
    this.#pages += (pages?.dataPages ?? 0) + (pages?.zeroPages ?? 0);
    this.mix.take(frame);
    this.#end = frame.end;
  }

  get tallies(): FrameTally[] {
    return [...this.#tallies.values()];
  }

  /** What END states. */
  finish(sizeBytes: number): ImageTotals {
    if (this.#end === undefined) {
      throw new PageStreamError('STREAM_TRUNCATED', sizeBytes, 'the stream ends without END');
    }
    if (this.#end.pages !== this.#pages) {
      const message = `END states ${this.#end.pages} pages, the frames have ${this.#pages}`;
      throw new PageStreamError('STREAM_TOTALS', sizeBytes, message);
    }
    return this.#end;
  }
}

function parentSurvey({ streamId, digest, chainLength }: ParentIdentity): ParentSurvey {
  return { streamId: hex(streamId), digest: formatDigest(digest), chainLength };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

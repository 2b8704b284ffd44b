import type { ChunkKind } from './layout/chunks.ts';
import type { ParentIdentity } from './layout/parent.ts';
import type { StreamLimits } from './limits.ts';
import type { PageRun, RegionEntry } from './page-run.ts';

/** Where a frame stands. `offset` counts bytes from the start of the stream; `sequence` counts image and control frames apart. */
export interface FramePlace {
  readonly offset: number;
  readonly sequence: number;
  readonly payloadBytes: number;
  /** Only with the option `raw`: the frame as it came, header and payload. On loan until the next `push` or `wrote`. */
  readonly raw?: Uint8Array;
}

export interface HeaderFrame extends FramePlace {
  readonly type: 'header';
  readonly version: number;
  readonly requiredFeatures: number;
  readonly optionalFeatures: number;
  /** 16 bytes, a copy. */
  readonly streamId: Uint8Array;
}

export interface RegionsFrame extends FramePlace {
  readonly type: 'regions';
  readonly regions: readonly RegionEntry[];
}

/** One part of the guest state; parts come in order, without gaps. */
export interface StateFrame extends FramePlace {
  readonly type: 'state';
  readonly kind: string;
  readonly totalBytes: number;
  /** Where `bytes` belongs in the whole state. */
  readonly partOffset: number;
  readonly last: boolean;
  /** On loan until the next `push` or `wrote`. */
  readonly bytes: Uint8Array;
}

/** What an increment builds on. */
export interface ParentFrame extends FramePlace, ParentIdentity {
  readonly type: 'parent';
}

/** Pages of one region, from a PAGES or a CHUNKS frame; those of CHUNKS come unpacked. */
export interface PagesFrame extends FramePlace {
  readonly type: 'pages';
  readonly region: number;
  readonly runs: readonly PageRun[];
  /**
   * The pages of the data runs, packed in the order of `runs`. On loan: from PAGES until the next `push` or `wrote`, from CHUNKS
   * until the next frame is taken from the batch.
   */
  readonly bytes: Uint8Array;
  /** Only from CHUNKS: how the pages were stored. */
  readonly stored?: StoredRuns;
}

/** How the pages of a CHUNKS frame were stored. */
export interface StoredRuns {
  /** Pages that stay as in the parent; they are not in the `runs` of the frame. */
  readonly inherited: readonly PageSpan[];
  readonly pagesByKind: Readonly<Record<ChunkKind, number>>;
}

export interface PageSpan {
  readonly firstPage: number;
  readonly pageCount: number;
}

/** What an image holds. */
export interface ImageTotals {
  /** All pages, zero pages included. */
  readonly pages: number;
  /** Pages that travelled as zero runs. */
  readonly zeroPages: number;
  /** Full bytes of all other pages, but for those that stay as in the parent. */
  readonly dataBytes: number;
  /** Image frames before END. */
  readonly frames: number;
  /** Image digest, [low, high] 32 bits. */
  readonly digest: Uint32Array;
}

/** Every page came once, totals and digest matched. */
export interface EndFrame extends FramePlace, ImageTotals {
  readonly type: 'end';
}

export type Role = 'source' | 'destination';

/** The limits that one side announces to the other. */
export type AnnouncedLimits = Omit<StreamLimits, 'maxSkippedFrames'>;

export interface Hello {
  readonly role: Role;
  readonly versionMin: number;
  readonly versionMax: number;
  /** Feature bits that the sender can read. */
  readonly features: number;
  readonly limits: AnnouncedLimits;
}

export interface HelloFrame extends FramePlace, Hello {
  readonly type: 'hello';
}

/** `done`: the image is complete, checked, and kept. `failed`: it was received and dropped; the message says why. */
export type AckOutcome = 'done' | 'failed';

export interface Ack {
  readonly outcome: AckOutcome;
  /** The destination computed the image digest from what it received, and it matched. */
  readonly digestVerified: boolean;
  /** The oracle of a bundled workload accepted the image. */
  readonly oracleVerified: boolean;
  /** The digest as the destination computed it, [low, high] 32 bits. */
  readonly digest: Uint32Array;
  readonly message: string;
}

export interface AckFrame extends FramePlace, Ack {
  readonly type: 'ack';
}

export interface Abort {
  /** A stable error code: letters, digits, `_`, `-`, `.`, `:`, `/`. */
  readonly code: string;
  readonly message: string;
}

export interface AbortFrame extends FramePlace, Abort {
  readonly type: 'abort';
}

/** A frame of a type that this version does not know, without the REQUIRED flag. Its checksums were right. */
export interface SkippedFrame extends FramePlace {
  readonly type: 'skipped';
  readonly frameType: number;
}

export type Frame =
  | HeaderFrame
  | RegionsFrame
  | ParentFrame
  | StateFrame
  | PagesFrame
  | EndFrame
  | HelloFrame
  | AckFrame
  | AbortFrame
  | SkippedFrame;

/**
 * The frames that one `push` or `wrote` completed. Iterating gives them in order and then throws `error`, if there is one, so a
 * loop sees the same whatever the chunks were. After an error the decoder takes nothing more.
 *
 * From the first CHUNKS frame on they are decoded as they are taken, so that a same-as run finds the pages of the frames before it
 * where they were written to, and a small chunk that unpacks to much needs the memory of one frame.
 * `frames` and `error` decode all that are left, each with memory of its own.
 */
export interface FrameBatch extends Iterable<Frame> {
  readonly frames: readonly Frame[];
  readonly error: Error | undefined;
}

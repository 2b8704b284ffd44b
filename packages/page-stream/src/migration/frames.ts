import type {
  AbortFrame,
  FramePlace,
  HeaderFrame,
  HelloFrame,
  PagesFrame,
  RegionsFrame,
  SkippedFrame,
  StateFrame,
} from '../frames.ts';
import type { HandOver } from '../layout/hand-over.ts';
import type { Lane } from '../layout/lane.ts';
import type { RequestedRun } from '../layout/page-request.ts';
import type { PageBitmap } from '../layout/resume-bitmap.ts';
import type { RoundMark } from '../layout/round-mark.ts';

export interface RoundMarkFrame extends FramePlace, RoundMark {
  readonly type: 'round';
}

export interface HandOverFrame extends FramePlace, HandOver {
  readonly type: 'hand-over';
}

export interface PageRequestFrame extends FramePlace {
  readonly type: 'page-request';
  readonly requested: readonly RequestedRun[];
}

export interface ResumeBitmapFrame extends FramePlace, PageBitmap {
  readonly type: 'resume-bitmap';
}

export interface LaneFrame extends FramePlace, Lane {
  readonly type: 'lane';
}

/** Nothing more comes on this connection. Whether every page has come is for whoever knows all connections. */
export interface MigrationEndFrame extends FramePlace {
  readonly type: 'end';
  /** As the source states it, [low, high]: the digest of the memory as of the hand-over. */
  readonly digest: Uint32Array;
}

export type MigrationFrame =
  | HeaderFrame
  | RegionsFrame
  | StateFrame
  | PagesFrame
  | MigrationEndFrame
  | RoundMarkFrame
  | HelloFrame
  | AbortFrame
  | HandOverFrame
  | PageRequestFrame
  | ResumeBitmapFrame
  | LaneFrame
  | SkippedFrame;

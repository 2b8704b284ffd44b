import type { PageCodec } from './codec.ts';
import type { ImageTotals } from './frames.ts';
import type { AnnouncedLimits } from './frames.ts';
import type { PageRun, RegionEntry } from './page-run.ts';

export interface EncoderOptions {
  /** 16 bytes that tell this image from others; the caller draws them at random. */
  readonly streamId: Uint8Array;
  /** Default `pureCodec`. */
  readonly codec?: PageCodec;
  /** What the reader announced in its HELLO. Default: the limits of the format. */
  readonly limits?: AnnouncedLimits;
}

/** Guest state as the encoder takes it. */
export interface StateInput {
  readonly kind: string;
  readonly bytes: Uint8Array;
}

/**
 * Turns an image into frames, in the order `start`, `state`, `encodePages` …, `end`.
 *
 * Each method returns buffers to be written one after the other (an iovec list). Heads are fresh buffers; page and state bytes are
 * views of what the caller gave, never copies, so the caller keeps them unchanged until they are written.
 */
export declare class PageStreamEncoder {
  constructor(options: EncoderOptions);
  start(regions: readonly RegionEntry[]): Uint8Array[];
  state(state: StateInput): Uint8Array[];
  encodePages(region: number, runs: readonly PageRun[], bytes: Uint8Array): Uint8Array[];
  end(): Uint8Array[];
  /** So far; final after `end`. */
  get totals(): ImageTotals;
}

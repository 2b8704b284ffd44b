import type { ChunkOptions } from './chunk-options.ts';
import type { PageCodec } from './codec.ts';
import type { AnnouncedLimits } from './frames.ts';

export interface EncoderOptions {
  /** 16 bytes that tell this image from others; the caller draws them at random. */
  readonly streamId: Uint8Array;
  /** Default `pureCodec`. */
  readonly codec?: PageCodec;
  /** What the reader announced in its HELLO. Default: the limits of the format. */
  readonly limits?: AnnouncedLimits;
  /** Sends pages in CHUNKS frames: compressed, indexed, as an increment. Without it in PAGES frames, which every reader reads. */
  readonly chunks?: ChunkOptions;
}

/** Frames with pages that were packed. */
export interface EncodedPages {
  /** To be written one after the other. */
  readonly buffers: readonly Uint8Array[];
  /** Whether some of them are views of the slab, so that it must stay until they are written; otherwise it may go back now. */
  readonly usesSlab: boolean;
  /** Gives memory of the packer back: once, after the buffers were written or given up. */
  release(): void;
}

/** Guest state as the encoder takes it. */
export interface StateInput {
  /** 1 to MAX_NAME_BYTES bytes of UTF-8 without control characters. */
  readonly kind: string;
  readonly bytes: Uint8Array;
}

import type { PageCodec } from './codec.ts';
import type { FrameBatch } from './frames.ts';
import type { StreamLimits } from './limits.ts';

export interface DecoderOptions {
  /**
   * Who sends these bytes. `file`: image frames only. `source`: HELLO, then image and control frames. `destination`: HELLO, then
   * control frames only.
   */
  readonly from: 'file' | 'source' | 'destination';
  /** Default `pureCodec`. */
  readonly codec?: PageCodec;
  /** Lowers the limits of the format. */
  readonly limits?: Partial<StreamLimits>;
}

/**
 * Turns bytes into checked frames, whatever the chunks.
 *
 * A transport that can read into a given buffer uses `writable` and `wrote`, and page bytes are then copied by nobody; `push` takes
 * any chunk. Views in frames are valid until the next `push` or `wrote`; `writable` alone does not touch them.
 */
export declare class PageStreamDecoder {
  constructor(options: DecoderOptions);
  push(chunk: Uint8Array): FrameBatch;
  /** Where to read the next bytes to; never empty. Valid until the next `push` or `wrote`. */
  writable(): Uint8Array;
  /** `byteCount` bytes were read to the start of `writable()`. */
  wrote(byteCount: number): FrameBatch;
  /** The stream has ended. Throws STREAM_TRUNCATED when it must not end here, STREAM_ABORTED after an ABORT frame. */
  finish(): void;
  /** Bytes taken so far. */
  get offset(): number;
}

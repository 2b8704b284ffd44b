import type { PageCodec } from './codec.ts';
import { PageStreamError } from './error.ts';
import { FRAME_HEADER_BYTES, type FrameHeader, readFrameHeader } from './frame-header.ts';
import { checkPayloadCrc } from './image-reader.ts';
import type { StreamLimits } from './limits.ts';
import { Payload } from './payload.ts';

/** Returns `length` bytes at `offset` of a stored image, fewer only at its end. Synchronous; the bytes stay as they are until the next call. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

/** A frame's header, head and run table are read one after the other: together they mostly fit into this. */
const WINDOW_BYTES = 4096;

/** Frames of a stored image, wherever they stand. */
export class StoredFrames {
  readonly sizeBytes: number;
  readonly codec: PageCodec;
  readonly #readAt: ReadAt;
  readonly #limits: StreamLimits;
  #window: { readonly offset: number; readonly bytes: Uint8Array } | undefined;

  constructor(readAt: ReadAt, sizeBytes: number, codec: PageCodec, limits: StreamLimits) {
    this.#readAt = readAt;
    this.sizeBytes = sizeBytes;
    this.codec = codec;
    this.#limits = limits;
  }

  /** Exactly `length` bytes; STREAM_TRUNCATED when the image is shorter. */
  bytes(offset: number, length: number): Uint8Array {
    const bytes = offset + length > this.sizeBytes ? undefined : this.#readAt(offset, length);
    if (bytes?.length === length) return bytes;
    throw new PageStreamError(
      'STREAM_TRUNCATED',
      this.sizeBytes,
      `the image ends within ${length} bytes at ${offset}`,
    );
  }

  header(offset: number): FrameHeader {
    return readFrameHeader(this.#small(offset, FRAME_HEADER_BYTES), offset, this.#limits);
  }

  /** The whole payload, its CRC checked. */
  payload(header: FrameHeader): Payload {
    const payload = this.part(header, header.payloadBytes);
    checkPayloadCrc(payload, this.codec);
    return payload;
  }

  /** The first `length` bytes of a payload, or all if it is shorter; unchecked. */
  part(header: FrameHeader, length: number): Payload {
    const start = header.offset + FRAME_HEADER_BYTES;
    return new Payload(header, this.#small(start, Math.min(length, header.payloadBytes)));
  }

  /** As `bytes`, by reading more at once. */
  #small(offset: number, length: number): Uint8Array {
    if (length > WINDOW_BYTES || offset + length > this.sizeBytes) return this.bytes(offset, length);
    let window = this.#window;
    if (
      window === undefined ||
      offset < window.offset ||
      offset + length > window.offset + window.bytes.length
    ) {
      // A copy: what readAt gives is valid until the next call.
      const bytes = this.bytes(offset, Math.min(WINDOW_BYTES, this.sizeBytes - offset)).slice();
      window = { offset, bytes };
      this.#window = window;
    }
    return window.bytes.subarray(offset - window.offset, offset - window.offset + length);
  }
}

/** Where the next frame stands. */
export function frameEnd({ offset, payloadBytes }: FrameHeader): number {
  return offset + FRAME_HEADER_BYTES + payloadBytes;
}

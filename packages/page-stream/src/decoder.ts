import type { PageCodec } from './codec.ts';
import { PageStreamError } from './error.ts';
import { FRAME_HEADER_BYTES, type FrameHeader, frameTypes, readFrameHeader } from './frame-header.ts';
import { FrameOrder, type StreamFrom } from './frame-order.ts';
import type { Frame, FrameBatch } from './frames.ts';
import { checkPayloadCrc, ImageReader } from './image-reader.ts';
import { readAbort } from './layout/abort.ts';
import { readAck } from './layout/ack.ts';
import { readHello } from './layout/hello.ts';
import { lowerLimits, type StreamLimits } from './limits.ts';
import { Payload } from './payload.ts';
import { pureCodec } from './pure-codec.ts';
import { ReceiveBuffer } from './receive-buffer.ts';

export interface DecoderOptions {
  /**
   * Who sends these bytes. `file`: image frames only. `source`: HELLO, then image and control frames. `destination`: HELLO, then
   * control frames only.
   */
  readonly from: StreamFrom;
  /** Default `pureCodec`. */
  readonly codec?: PageCodec;
  /** Lowers the limits of the format. */
  readonly limits?: Partial<StreamLimits>;
}

/**
 * Turns bytes into checked frames, whatever the chunks.
 *
 * A transport that can read into a given buffer uses `writable` and `wrote`: page bytes then stay where they were read to, and only
 * a begun frame of less than 64 KiB may be moved. `push` takes any chunk; a frame that lies whole in a chunk is a view of it, others
 * are put together by copying. Views in frames are valid until the next `push` or `wrote`; `writable` does not touch them.
 *
 * Memory: twice the largest frame (at most maxPayloadBytes, rounded up to 256 KiB), one bit for each page at worst, and the region
 * table.
 */
export class PageStreamDecoder {
  readonly #from: StreamFrom;
  readonly #codec: PageCodec;
  readonly #limits: StreamLimits;
  readonly #order: FrameOrder;
  readonly #image: ImageReader;
  readonly #buffer = new ReceiveBuffer();
  /** Of the frame whose payload is awaited. */
  #header: FrameHeader | undefined;
  /** Where the next frame starts in the stream. */
  #frameOffset = 0;
  #failure: Error | undefined;

  /** Throws RangeError when a limit is not one that may be set. */
  constructor({ from, codec = pureCodec, limits }: DecoderOptions) {
    this.#from = from;
    this.#codec = codec;
    this.#limits = lowerLimits(limits);
    this.#order = new FrameOrder(from, this.#limits.maxSkippedFrames);
    this.#image = new ImageReader(codec, this.#limits);
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#frameOffset + this.#buffer.pendingBytes;
  }

  /** The frames that `chunk` completes. Throws the failure of an earlier call. */
  push(chunk: Uint8Array): FrameBatch {
    return this.#collect((frames) => {
      let rest = chunk;
      while (this.#buffer.pendingBytes > 0 && rest.length > 0) {
        const missing = this.#neededBytes() - this.#buffer.pendingBytes;
        this.#buffer.append(rest.subarray(0, missing), this.#neededBytes());
        rest = rest.subarray(missing);
        this.#buffer.lend(this.#parse(this.#buffer.pending, frames));
      }
      const begun = rest.subarray(this.#parse(rest, frames));
      this.#buffer.append(begun, this.#neededBytes());
    });
  }

  /** Where to read the next bytes to; never empty. Valid until the next `push` or `wrote`. */
  writable(): Uint8Array {
    return this.#buffer.free(this.#neededBytes());
  }

  /** `byteCount` bytes were read to the start of `writable()`. Otherwise as `push`. */
  wrote(byteCount: number): FrameBatch {
    if (!Number.isInteger(byteCount) || byteCount < 0 || byteCount > this.writable().length) {
      throw new RangeError(`byteCount is ${byteCount}; writable() has ${this.writable().length} bytes`);
    }
    return this.#collect((frames) => {
      this.#buffer.filled(byteCount);
      this.#buffer.lend(this.#parse(this.#buffer.pending, frames));
    });
  }

  /** The stream has ended. Throws STREAM_TRUNCATED when it must not end here, STREAM_ABORTED after an ABORT frame. */
  finish(): void {
    if (this.#failure) throw this.#failure;
    if (this.#buffer.pendingBytes > 0) {
      throw new PageStreamError('STREAM_TRUNCATED', this.offset, 'the stream ends within a frame');
    }
    const error = this.#order.endedAt(this.offset);
    if (error) throw error;
  }

  /** Frames before an error are handed out all the same, so that chunks make no difference. */
  #collect(work: (frames: Frame[]) => void): FrameBatch {
    if (this.#failure) throw this.#failure;
    const frames: Frame[] = [];
    try {
      work(frames);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    const failure = this.#failure;
    return {
      frames,
      error: failure,
      *[Symbol.iterator]() {
        yield* frames;
        if (failure) throw failure;
      },
    };
  }

  /** Length of the frame that comes next, as far as it is known. */
  #neededBytes(): number {
    return FRAME_HEADER_BYTES + (this.#header?.payloadBytes ?? 0);
  }

  /** Takes all whole frames at the start of `bytes`; returns their length. */
  #parse(bytes: Uint8Array, frames: Frame[]): number {
    let at = 0;
    while (at < bytes.length) {
      if (this.#order.closed) {
        throw new PageStreamError('STREAM_TRAILING_BYTES', this.#frameOffset, 'bytes after the end');
      }
      if (bytes.length - at < FRAME_HEADER_BYTES) break;
      this.#header ??= this.#readHeader(bytes.subarray(at));
      const end = at + this.#neededBytes();
      if (end > bytes.length) break;
      const payload = new Payload(this.#header, bytes.subarray(at + FRAME_HEADER_BYTES, end));
      const frame = this.#readFrame(payload);
      this.#order.accept(frame);
      frames.push(frame);
      this.#header = undefined;
      this.#frameOffset += end - at;
      at = end;
    }
    return at;
  }

  #readHeader(bytes: Uint8Array): FrameHeader {
    const header = readFrameHeader(bytes, this.#frameOffset, this.#limits);
    this.#order.admit(header);
    return header;
  }

  #readFrame(payload: Payload): Frame {
    const { offset, sequence, payloadBytes, type } = payload.header;
    const place = { offset, sequence, payloadBytes };
    if (type === frameTypes.PAGES) return this.#image.pages(place, payload);
    checkPayloadCrc(payload, this.#codec);
    switch (type) {
      case frameTypes.STREAM_HEADER:
        return this.#image.header(place, payload);
      case frameTypes.REGION_TABLE:
        return this.#image.regions(place, payload);
      case frameTypes.GUEST_STATE:
        return this.#image.state(place, payload);
      case frameTypes.END:
        return this.#image.end(place, payload);
      case frameTypes.HELLO:
        return {
          ...place,
          type: 'hello',
          ...readHello(payload, this.#from === 'source' ? 'source' : 'destination'),
        };
      case frameTypes.ACK:
        return { ...place, type: 'ack', ...readAck(payload) };
      case frameTypes.ABORT:
        return { ...place, type: 'abort', ...readAbort(payload) };
      default:
        return { ...place, type: 'skipped', frameType: type };
    }
  }
}

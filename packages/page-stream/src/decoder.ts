import type { PageCodec } from './codec.ts';
import { PageStreamError } from './error.ts';
import { readableFeatures } from './features.ts';
import { LazyBatch } from './frame-batch.ts';
import { FRAME_HEADER_BYTES, type FrameHeader, frameTypes, readFrameHeader } from './frame-header.ts';
import { FrameOrder, type StreamFrom } from './frame-order.ts';
import type { Frame, FrameBatch } from './frames.ts';
import { checkPayloadCrc, ImageReader } from './image-reader.ts';
import { readAbort } from './layout/abort.ts';
import { readAck } from './layout/ack.ts';
import { readHello } from './layout/hello.ts';
import { lowerLimits, type StreamLimits } from './limits.ts';
import type { PageReader, ParentImage } from './page-reader.ts';
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
  /**
   * Reads back pages of frames that were taken before: what same-as runs refer to. Without it the feature SAME_AS is not known.
   * Frames are to be iterated, each written to where `earlier` reads before the next is taken.
   */
  readonly earlier?: PageReader;
  /**
   * What an increment builds on, verified; without it the feature PARENT is not known. It is read at places whose new pages have not
   * been taken yet, so that it may be the memory that is being restored.
   */
  readonly parent?: ParentImage;
  /** Frames carry the bytes that they came in, for whoever stores the stream as it is. */
  readonly raw?: boolean;
}

/**
 * Turns bytes into checked frames, whatever the chunks.
 *
 * A transport that can read into a given buffer uses `writable` and `wrote`: page bytes then stay where they were read to, and only
 * a begun frame of less than 64 KiB may be moved. `push` takes any chunk; a frame that lies whole in a chunk is a view of it, others
 * are put together by copying. Views in frames are valid until the next `push` or `wrote`; `writable` does not touch them.
 *
 * Memory: twice the largest frame (at most maxPayloadBytes, rounded up to 256 KiB), one buffer of at most that size for pages that
 * are unpacked, one bit for each page at worst (two with same-as runs), and the region table.
 */
export class PageStreamDecoder {
  readonly #from: StreamFrom;
  readonly #codec: PageCodec;
  readonly #limits: StreamLimits;
  readonly #order: FrameOrder;
  readonly #image: ImageReader;
  readonly #raw: boolean;
  readonly #buffer = new ReceiveBuffer();
  /** Of the frame whose payload is awaited. */
  #header: FrameHeader | undefined;
  /** Where the next frame starts in the stream. */
  #frameOffset = 0;
  #failure: Error | undefined;
  #batch: LazyBatch | undefined;
  /** Whether frames of the batch stay in use when others are decoded. */
  #lasting = false;

  /** Throws RangeError when a limit is not one that may be set. */
  constructor({ from, codec = pureCodec, limits, earlier, parent, raw = false }: DecoderOptions) {
    this.#raw = raw;
    this.#from = from;
    this.#codec = codec;
    this.#limits = lowerLimits(limits);
    this.#order = new FrameOrder(from, this.#limits.maxSkippedFrames);
    const known = readableFeatures({ codec, earlier, parent });
    this.#image = new ImageReader(codec, this.#limits, known, { earlier, parent });
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#frameOffset + this.#buffer.pendingBytes;
  }

  /**
   * The frames that `chunk` completes. Throws the failure of an earlier call. With CHUNKS frames the chunk stays as it is until all
   * were taken.
   */
  push(chunk: Uint8Array): FrameBatch {
    return this.#begin(this.#framesOf(chunk));
  }

  /**
   * Whether all frames that came by `wrote` were taken from the batch, so that the next bytes may be read to `writable()` while the last of
   * them is in use.
   */
  get needsBytes(): boolean {
    try {
      return this.#failure === undefined && this.#whole(this.#buffer.pending) === 0;
    } catch {
      // Taking the next frame tells.
      return false;
    }
  }

  /**
   * Where to read the next bytes to; never empty. Valid until the next `push` or `wrote`. Decodes what was not taken of the last
   * batch, so with `earlier` or `parent` take the batch first.
   */
  writable(): Uint8Array {
    this.#batch?.settle();
    return this.#buffer.free(this.#neededBytes());
  }

  /** `byteCount` bytes were read to the start of `writable()`. Otherwise as `push`. */
  wrote(byteCount: number): FrameBatch {
    if (!Number.isInteger(byteCount) || byteCount < 0 || byteCount > this.writable().length) {
      throw new RangeError(`byteCount is ${byteCount}; writable() has ${this.writable().length} bytes`);
    }
    return this.#begin(this.#framesRead(byteCount));
  }

  /** The stream has ended. Throws STREAM_TRUNCATED when it must not end here, STREAM_ABORTED after an ABORT frame. */
  finish(): void {
    this.#batch?.settle();
    if (this.#failure) throw this.#failure;
    if (this.#buffer.pendingBytes > 0) {
      throw new PageStreamError('STREAM_TRUNCATED', this.offset, 'the stream ends within a frame');
    }
    const error = this.#order.endedAt(this.offset);
    if (error) throw error;
  }

  /** Frames before an error are handed out all the same, so that chunks make no difference. */
  #begin(frames: Generator<Frame | undefined>): FrameBatch {
    this.#batch?.settle();
    if (this.#failure) throw this.#failure;
    this.#lasting = false;
    this.#batch = new LazyBatch(this.#caught(frames), () => (this.#lasting = true));
    return this.#batch;
  }

  *#caught(frames: Generator<Frame | undefined>): Generator<Frame | undefined, Error | undefined> {
    try {
      yield* frames;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    return this.#failure;
  }

  *#framesOf(chunk: Uint8Array): Generator<Frame | undefined> {
    let rest = chunk;
    while (this.#buffer.pendingBytes > 0 && rest.length > 0) {
      const missing = this.#neededBytes() - this.#buffer.pendingBytes;
      this.#buffer.append(rest.subarray(0, missing), this.#neededBytes());
      rest = rest.subarray(missing);
      yield* this.#pendingFrames();
    }
    for (let frameBytes = this.#whole(rest); frameBytes > 0; frameBytes = this.#whole(rest)) {
      if (this.#mayReadBack) yield undefined;
      const frame = this.#decode(rest.subarray(0, frameBytes));
      rest = rest.subarray(frameBytes);
      yield frame;
    }
    this.#buffer.append(rest, this.#neededBytes());
  }

  *#framesRead(byteCount: number): Generator<Frame | undefined> {
    this.#buffer.filled(byteCount);
    yield* this.#pendingFrames();
  }

  *#pendingFrames(): Generator<Frame | undefined> {
    for (;;) {
      const frameBytes = this.#whole(this.#buffer.pending);
      if (frameBytes === 0) return;
      if (this.#mayReadBack) yield undefined;
      const frame = this.#decode(this.#buffer.pending.subarray(0, frameBytes));
      this.#buffer.lend(frameBytes);
      yield frame;
    }
  }

  /** Length of the frame that comes next, as far as it is known. */
  #neededBytes(): number {
    return FRAME_HEADER_BYTES + (this.#header?.payloadBytes ?? 0);
  }

  /** Length of the frame at the start of `bytes` when it is whole; 0 when more is needed. */
  #whole(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    if (this.#order.closed) {
      throw new PageStreamError('STREAM_TRAILING_BYTES', this.#frameOffset, 'bytes after the end');
    }
    if (bytes.length < FRAME_HEADER_BYTES) return 0;
    this.#header ??= this.#readHeader(bytes);
    return bytes.length < this.#neededBytes() ? 0 : this.#neededBytes();
  }

  /** Whether decoding the frame may need pages of those before it, and memory of its own to unpack to. */
  get #mayReadBack(): boolean {
    return this.#header?.type === frameTypes.CHUNKS;
  }

  /** The frame that `bytes` are, whose header has been read. */
  #decode(bytes: Uint8Array): Frame {
    const frame = this.#readFrame(new Payload(this.#header!, bytes.subarray(FRAME_HEADER_BYTES)));
    this.#order.accept(frame);
    this.#header = undefined;
    this.#frameOffset += bytes.length;
    return this.#raw ? { ...frame, raw: bytes } : frame;
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
    if (type === frameTypes.CHUNKS) return this.#image.chunks(place, payload, this.#lasting);
    checkPayloadCrc(payload, this.#codec);
    switch (type) {
      case frameTypes.STREAM_HEADER:
        return this.#image.header(place, payload);
      case frameTypes.PARENT:
        return this.#image.parent(place, payload);
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

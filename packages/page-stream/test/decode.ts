import { crc32c } from '@node-rs/crc32';
import { fullReader } from './full-reader.ts';
import { type DecoderOptions, type Frame, PageStreamDecoder, PageStreamError } from '../src/index.ts';

/** Frames with copies of their bytes, and the error as `CODE@offset`. */
export interface Decoded {
  readonly frames: Frame[];
  readonly error: string | undefined;
}

/** How bytes are fed: the lengths of the chunks in turn, repeated, through `push` or through `writable` and `wrote`. */
export interface Feed {
  readonly lengths: readonly number[];
  readonly way: 'push' | 'wrote';
}

export const whole: Feed = { lengths: [Number.MAX_SAFE_INTEGER], way: 'push' };

/** Decodes a complete stream. Throws what is not a PageStreamError. */
export function decode(
  bytes: Uint8Array,
  options: DecoderOptions,
  feed: Feed = whole,
  onFrame: (frame: Frame) => void = () => {},
): Decoded {
  const decoder = new PageStreamDecoder(options);
  const frames: Frame[] = [];
  try {
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const chunk = bytes.subarray(at, at + (feed.lengths[turn % feed.lengths.length] ?? 1));
      const { batch, taken } = feed.way === 'push' ? push(decoder, chunk) : wrote(decoder, chunk);
      at += taken;
      for (const frame of batch) {
        onFrame(frame);
        frames.push(withCopies(frame));
      }
      if (decoder.offset !== at) throw new Error(`offset is ${decoder.offset} after ${at} bytes`);
    }
    decoder.finish();
    return { frames, error: undefined };
  } catch (error) {
    if (!(error instanceof PageStreamError)) throw error;
    return { frames, error: `${error.code}@${error.offset}` };
  }
}

/** As `decode`, by a reader that knows every feature and has `sampleParent`. */
export function decodeFully(bytes: Uint8Array, options: DecoderOptions, feed: Feed = whole): Decoded {
  const { options: abilities, memory } = fullReader();
  return decode(bytes, { ...options, ...abilities }, feed, (frame) => memory.take(frame));
}

function push(decoder: PageStreamDecoder, chunk: Uint8Array) {
  return { batch: decoder.push(chunk), taken: chunk.length };
}

function wrote(decoder: PageStreamDecoder, chunk: Uint8Array) {
  const space = decoder.writable();
  const part = chunk.subarray(0, space.length);
  space.set(part);
  return { batch: decoder.wrote(part.length), taken: part.length };
}

/** Frames for comparing: contents as length and CRC, because comparing large arrays entry by entry is slow. */
export function fingerprints(frames: readonly Frame[]): unknown[] {
  return frames.map((frame) =>
    'bytes' in frame ? { ...frame, bytes: `${frame.bytes.length} bytes, CRC ${crc32c(frame.bytes)}` } : frame,
  );
}

function withCopies(frame: Frame): Frame {
  return 'bytes' in frame ? { ...frame, bytes: frame.bytes.slice() } : frame;
}

import type { Frame, PageStreamDecoder } from '@stillframe/page-stream';
import type { ByteSource } from '../source.ts';

/**
 * The frames of a source, to its end. Bytes are read straight into the decoder's buffer; what a frame lends is valid until the next
 * one is asked for.
 *
 * Throws what `source.read` throws, and PageStreamError.
 */
export async function* readFrames(source: ByteSource, decoder: PageStreamDecoder): AsyncGenerator<Frame> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one read after the other
    const byteCount = await source.read(decoder.writable());
    if (byteCount === 0) break;
    yield* decoder.wrote(byteCount);
  }
  decoder.finish();
}

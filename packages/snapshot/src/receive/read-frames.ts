import { setImmediate as turn } from 'node:timers/promises';
import type { Frame, PageStreamDecoder } from '@stillframe/page-stream';
import type { ByteSource } from '../source.ts';

/** Pages that are taken before others get a turn: a few milliseconds of work, where sources and targets do not wait. */
const BYTES_PER_TURN = 4 * 1024 * 1024;

/**
 * The frames of a source, to its end. Bytes are read straight into the decoder's buffer; what a frame lends is valid until the next
 * one is asked for.
 *
 * Throws what `source.read` throws, and PageStreamError.
 */
export async function* readFrames(source: ByteSource, decoder: PageStreamDecoder): AsyncGenerator<Frame> {
  let takenBytes = 0;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one read after the other
    const byteCount = await source.read(decoder.writable());
    if (byteCount === 0) break;
    for (const frame of decoder.wrote(byteCount)) {
      yield frame;
      if (frame.type !== 'pages') continue;
      takenBytes += frame.bytes.byteLength;
      if (takenBytes < BYTES_PER_TURN) continue;
      takenBytes = 0;
      // oxlint-disable-next-line no-await-in-loop -- few bytes can unpack to many
      await turn();
    }
  }
  decoder.finish();
}

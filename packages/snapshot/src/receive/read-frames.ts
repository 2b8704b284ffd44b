import { setImmediate as turn } from 'node:timers/promises';
import type { Frame, PageStreamDecoder } from '@stillframe/page-stream';
import type { ByteSource } from '../source.ts';

/** Pages that are taken before others get a turn: a few milliseconds of work, where sources and targets do not wait. */
const BYTES_PER_TURN = 4 * 1024 * 1024;

export interface ReadOptions {
  /** Reads the next bytes while a frame is in use; for a source that has nothing else to say behind the last one. */
  readonly ahead?: boolean;
}

/**
 * The frames of a source, to its end. Bytes are read straight into the decoder's buffer; what a frame lends is valid until the next
 * one is asked for.
 *
 * Throws what `source.read` throws, and PageStreamError.
 */
export async function* readFrames(
  source: ByteSource,
  decoder: PageStreamDecoder,
  { ahead = false }: ReadOptions = {},
): AsyncGenerator<Frame> {
  let takenBytes = 0;
  let reading: Promise<number> | undefined;
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- one read after the other
    const byteCount = await (reading ?? source.read(decoder.writable()));
    if (byteCount === 0) break;
    reading = undefined;
    for (const frame of decoder.wrote(byteCount)) {
      if (ahead && decoder.needsBytes) reading ??= readAhead(source, decoder);
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

/** Whoever waits for it hears of a failure; when nobody does any more, nobody wants to. */
function readAhead(source: ByteSource, decoder: PageStreamDecoder): Promise<number> {
  const reading = source.read(decoder.writable());
  reading.catch(() => undefined);
  return reading;
}

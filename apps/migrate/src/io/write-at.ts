import { writeSync } from 'node:fs';

/** Why a write that moved nothing is not tried again. */
export const NOTHING_TAKEN = 'the file system took nothing and did not say why';

/**
 * Up to so many bytes are written by the calling thread: copying them into the page cache takes a few microseconds, a thread of the pool
 * to do it tens of them, and a picture under load has a page here and a page there by the thousand.
 */
const AT_ONCE_MAX_BYTES = 32 * 1024;

/** What of a FileHandle it takes. */
export interface OpenFile {
  readonly fd: number;
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
}

/** Writes all bytes from `offset` on; a short write is gone on with. The buffers may be reused when this resolves. */
export async function writeAt(
  handle: OpenFile,
  iovecs: readonly Uint8Array[],
  offset: number,
): Promise<void> {
  let at = offset;
  for (const bytes of iovecs) {
    for (let done = 0; done < bytes.byteLength; ) {
      const rest = bytes.subarray(done);
      const written =
        rest.byteLength <= AT_ONCE_MAX_BYTES
          ? writeSync(handle.fd, rest, 0, rest.byteLength, at)
          : // oxlint-disable-next-line no-await-in-loop -- in order
            (await handle.write(rest, 0, rest.byteLength, at)).bytesWritten;
      if (written === 0) throw new Error(NOTHING_TAKEN);
      done += written;
      at += written;
    }
  }
}

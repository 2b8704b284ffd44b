import type { Readable } from 'node:stream';
import { ReadTurn, type SocketRead } from './socket-reader.ts';

/** So much is taken from the connection before anybody asks for it. */
export const READ_AHEAD_BYTES = 1 << 20;

/**
 * Reads a TLS connection. Its bytes come a record at a time, at most 16 KiB, and what the system has given at once is many of them: a
 * read that waits is woken only when all have come, and takes what fits.
 */
export function recordReader(socket: Readable): SocketRead {
  const turn = new ReadTurn(socket);
  const records: Uint8Array[] = [];
  let heldBytes = 0;
  let isWaking = false;
  const wake = () => {
    isWaking = false;
    // A read may have taken all of it already, and the next one waits for what comes: to wake that would be to tell it of the end.
    if (heldBytes > 0) turn.came(heldBytes);
  };
  socket.on('data', (record: Uint8Array) => {
    records.push(record);
    heldBytes += record.byteLength;
    if (heldBytes >= READ_AHEAD_BYTES) socket.pause();
    if (isWaking) return;
    isWaking = true;
    // After what can be read now has been read.
    setImmediate(wake);
  });
  return async (into) => {
    if (heldBytes === 0) {
      // What came before the connection broke is still good.
      await turn
        .wait(() => socket.resume())
        .catch((error: unknown) => {
          if (heldBytes === 0) throw error;
        });
    }
    const taken = takeRecords(records, into);
    heldBytes -= taken;
    if (heldBytes < READ_AHEAD_BYTES && socket.isPaused()) socket.resume();
    return taken;
  };
}

/** Moves as much as fits; the rest of a record stays the first. */
function takeRecords(records: Uint8Array[], into: Uint8Array): number {
  let at = 0;
  let used = 0;
  for (const record of records) {
    const piece = record.subarray(0, into.byteLength - at);
    into.set(piece, at);
    at += piece.byteLength;
    if (piece.byteLength < record.byteLength) {
      records[used] = record.subarray(piece.byteLength);
      break;
    }
    used++;
  }
  records.splice(0, used);
  return at;
}

import type { TLSSocket } from 'node:tls';
import { ReadTurn, type SocketRead } from './socket-reader.ts';

/** So much is taken from the connection before anybody asks for it. */
export const READ_AHEAD_BYTES = 1 << 20;

/**
 * Reads a TLS connection. Its bytes come a record at a time, at most 16 KiB: with a turn of the event loop for each, as `chunkReader`
 * would take, most of the time would go there. So records are gathered, and a read takes what fits.
 */
export function recordReader(socket: TLSSocket): SocketRead {
  const turn = new ReadTurn(socket);
  const records: Uint8Array[] = [];
  let heldBytes = 0;
  socket.on('data', (record: Uint8Array) => {
    records.push(record);
    heldBytes += record.byteLength;
    if (heldBytes >= READ_AHEAD_BYTES) socket.pause();
    turn.came(0);
  });
  return async (into) => {
    // What came before the connection broke is still good.
    if (heldBytes === 0) await turn.wait(() => socket.resume());
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

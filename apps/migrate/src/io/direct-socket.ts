import { Socket } from 'node:net';
import { ReadTurn, type SocketRead } from './socket-reader.ts';

/** The part of libuv's stream that Node's `onread` option works with. */
interface StreamHandle {
  useUserBuffer(buffer: Uint8Array): void;
}

export interface DirectSocket {
  /** Takes the place of the accepted socket. */
  readonly socket: Socket;
  readonly read: SocketRead;
}

/**
 * Takes over an accepted connection that nothing was read from (`pauseOnConnect`), so that the kernel copies its bytes straight to
 * where the caller wants them: in one piece of up to a MiB, where chunks of 64 KiB with a copy each take five times the processor time.
 *
 * Node offers this for outgoing connections (`onread`), with buffers that are chosen before it is known what comes next. For accepted
 * ones it needs the handle, and for the buffer of each read a call on it, neither of which is documented: undefined where they are
 * missing, and the connection is untouched then. Node keeps about 48 bytes for each read until the connection is closed.
 *
 * Lifetime: libuv writes to the buffer of a read only until the read has resolved, and it is held here until then.
 */
export function directSocket(accepted: Socket): DirectSocket | undefined {
  const handle = takeHandle(accepted);
  if (handle === undefined) return undefined;
  let target: Uint8Array | undefined;
  const options = {
    handle,
    allowHalfOpen: true,
    pauseOnCreate: true,
    onread: {
      buffer: Buffer.alloc(1),
      callback(byteCount: number): boolean {
        // Bytes that nobody asked for would be in a buffer that belongs to somebody else by now.
        if (target === undefined) socket.destroy(new Error('bytes came that were not asked for'));
        target = undefined;
        turn.came(byteCount);
        return false;
      },
    },
  };
  const socket = new Socket(options);
  const turn = new ReadTurn(socket);
  return {
    socket,
    read: (into) =>
      turn.wait(() => {
        target = into;
        handle.useUserBuffer(into);
        socket.resume();
      }),
  };
}

const HANDLE = '_handle';

/** The connection of `accepted`, which is left without one. */
function takeHandle(accepted: Socket): StreamHandle | undefined {
  const handle: unknown = Reflect.get(accepted, HANDLE);
  if (!isStreamHandle(handle)) return undefined;
  Reflect.set(accepted, HANDLE, null);
  // Without a handle this closes nothing; it tells the server that it has one connection less.
  accepted.destroy();
  return handle;
}

function isStreamHandle(handle: unknown): handle is StreamHandle {
  return (
    typeof handle === 'object' &&
    handle !== null &&
    'useUserBuffer' in handle &&
    typeof handle.useUserBuffer === 'function'
  );
}

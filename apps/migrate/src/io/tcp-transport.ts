import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Transport } from '@stillframe/snapshot';
import { duplicateConnection } from '@stillframe/uffd';
import { CliError } from '../cli-error.ts';
import { type Endpoint, formatEndpoint } from '../options/endpoint.ts';
import { directSocket } from './direct-socket.ts';
import { chunkReader, type SocketRead } from './socket-reader.ts';

/** A TCP connection as the two sides of a snapshot see it. The socket is the transport's from here on. */
export function tcpTransport(socket: Socket): Transport {
  return detachable(socket, socketTransport(socket, chunkReader(socket)));
}

/** As `tcpTransport`, for a connection that was accepted with `pauseOnConnect`: large reads go straight to where they belong. */
export function acceptedTransport(accepted: Socket): Transport {
  const direct = directSocket(accepted);
  if (direct === undefined) return tcpTransport(accepted);
  return detachable(direct.socket, socketTransport(direct.socket, direct.read));
}

/** Node gives no socket away, but the kernel knows who has it. */
function detachable(socket: Socket, transport: Transport): Transport {
  return {
    ...transport,
    async giveAway() {
      const fd = duplicateConnection(socket);
      // Closes Node's descriptor and no more: a connection with another one is not shut down.
      if (fd !== undefined) await transport.destroy();
      return fd;
    },
  };
}

/** A connection that is read with `read`. The socket is the transport's from here on. */
export function socketTransport(socket: Socket, read: SocketRead): Transport {
  // A batch is one write: waiting for more would only delay its tail.
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return {
    read,
    write: (iovecs) => (iovecs.length === 0 ? Promise.resolve() : writeAll(socket, iovecs)),
    end: () =>
      new Promise((resolve, reject) => {
        socket.end((error?: Error | null) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    async destroy() {
      if (socket.closed) return;
      const closed = new Promise((resolve) => {
        socket.once('close', resolve);
      });
      socket.destroy();
      await closed;
    },
  };
}

/** One system call for all buffers, as far as the kernel takes them. */
function writeAll(socket: Socket, iovecs: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.cork();
    const done = (error?: Error | null) => {
      // What broke the connection says more than that this write was given up for it. Node even calls a write that was dropped with
      // its socket a success.
      const failure =
        socket.errored ?? error ?? (socket.destroyed ? new Error('the connection is closed') : undefined);
      if (failure === undefined) resolve();
      else reject(failure);
    };
    const last = iovecs.length - 1;
    for (const [index, bytes] of iovecs.entries()) socket.write(bytes, index === last ? done : undefined);
    socket.uncork();
  });
}

/** After so long without traffic the kernel asks whether the other side is still there. */
const KEEP_ALIVE_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** Rejects with PEER_UNREACHABLE, and with the reason of `signal`. */
export async function connectTo(endpoint: Endpoint, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  // Not given the signal: it would cut a connection that still has a last word to say.
  const socket = connect({ host: endpoint.host, port: endpoint.port, allowHalfOpen: true });
  try {
    await once(socket, 'connect', {
      signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]),
    });
    return socket;
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    signal.throwIfAborted();
    throw new CliError('PEER_UNREACHABLE', `${formatEndpoint(endpoint)} cannot be reached`, {
      hint: 'Is `migrate dest` running there, on that port? Nothing was done to the guest.',
      cause: error,
    });
  }
}

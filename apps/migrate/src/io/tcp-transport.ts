import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Transport } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';
import { type Endpoint, formatEndpoint } from '../options/endpoint.ts';

/** A TCP connection as the two sides of a snapshot see it. The socket is the transport's from here on. */
export function tcpTransport(socket: Socket): Transport {
  // A batch is one write: waiting for more would only delay its tail.
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  let failure: Error | undefined;
  socket.on('error', (error) => {
    failure = error;
  });
  let rest: Uint8Array = new Uint8Array(0);
  return {
    async read(into) {
      while (rest.byteLength === 0) {
        const chunk: Uint8Array | null = socket.read();
        if (chunk !== null) rest = chunk;
        else if (failure !== undefined) throw failure;
        else if (socket.readableEnded || socket.destroyed) return 0;
        // oxlint-disable-next-line no-await-in-loop -- until something has arrived
        else await change(socket);
      }
      const taken = Math.min(rest.byteLength, into.byteLength);
      into.set(rest.subarray(0, taken));
      rest = rest.subarray(taken);
      return taken;
    },
    write: (iovecs) =>
      new Promise((resolve, reject) => {
        if (iovecs.length === 0) return resolve();
        socket.cork();
        for (const [index, bytes] of iovecs.entries()) {
          const done = (error: Error | null | undefined) => {
            if (error) reject(failure ?? error);
            else resolve();
          };
          socket.write(bytes, index === iovecs.length - 1 ? done : undefined);
        }
        socket.uncork();
      }),
    end: () =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return failure === undefined ? resolve() : reject(failure);
        socket.end(resolve);
      }),
    async destroy() {
      if (socket.closed) return;
      const closed = once(socket, 'close').catch(() => undefined);
      socket.destroy();
      await closed;
    },
  };
}

/** After so long without traffic the kernel asks whether the other side is still there. */
const KEEP_ALIVE_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** Bytes, the end, or a failure. */
function change(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const events = ['readable', 'end', 'close', 'error'] as const;
    const done = () => {
      for (const event of events) socket.off(event, done);
      resolve();
    };
    for (const event of events) socket.once(event, done);
  });
}

/** Rejects with PEER_UNREACHABLE. */
export async function connectTo(endpoint: Endpoint, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host: endpoint.host, port: endpoint.port, allowHalfOpen: true, signal });
  try {
    await once(socket, 'connect', {
      signal: AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)]),
    });
    return socket;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw new CliError('PEER_UNREACHABLE', `${formatEndpoint(endpoint)} cannot be reached`, {
      hint: 'Is `migrate dest` running there, on that port? Nothing was done to the guest.',
      cause: error,
    });
  }
}

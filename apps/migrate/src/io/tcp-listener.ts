import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { CliError } from '../cli-error.ts';
import { type Endpoint, formatEndpoint } from '../options/endpoint.ts';

/** One is served, so many wait; more are turned away. */
export const SOURCES_WAITING_MAX = 16;

/** Connections, one after the other. */
export interface TcpListener {
  /** Where it listens: the port is the real one. */
  readonly endpoint: Endpoint;
  /** The next connection; nothing was read from it. It is the caller's from then on. Rejects with the reason of the signal. */
  next(): Promise<Socket>;
  /** Listens no more, and drops those that wait. */
  close(): void;
}

/** Waits until `signal` for connections. Rejects with FILE when the address cannot be had, and with the reason of `signal`. */
export async function listenOn(endpoint: Endpoint, signal: AbortSignal): Promise<TcpListener> {
  const waiting = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    // Also for those that are served: what becomes of a connection is told by its reads and writes.
    socket.on('error', () => undefined);
    if (waiting.size === SOURCES_WAITING_MAX) {
      socket.destroy();
      return;
    }
    waiting.add(socket);
    server.emit('source');
  });
  server.listen(endpoint.port, endpoint.host);
  try {
    await once(server, 'listening', { signal });
  } catch (cause) {
    server.close();
    signal.throwIfAborted();
    throw new CliError('FILE', `cannot listen on ${formatEndpoint(endpoint)}`, {
      hint: 'Is something else listening there? Port 0 takes a free one.',
      cause,
    });
  }
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : endpoint.port;
  return {
    endpoint: { host: endpoint.host, port },
    async next() {
      while (waiting.size === 0) {
        // oxlint-disable-next-line no-await-in-loop -- until a source comes
        await once(server, 'source', { signal }).catch(() => signal.throwIfAborted());
      }
      const [socket] = waiting;
      waiting.delete(socket!);
      return socket!;
    },
    close() {
      for (const socket of waiting) socket.destroy();
      server.close();
    },
  };
}

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { CliError } from '../cli-error.ts';
import { type Endpoint, formatEndpoint } from '../options/endpoint.ts';
import { WaitingLine } from './waiting-line.ts';

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
  const line = new WaitingLine<Socket>(SOURCES_WAITING_MAX, (socket) => socket.destroy());
  const server = await serveTcp(endpoint, signal, (socket) => line.add(socket));
  return {
    endpoint: server.endpoint,
    next: () => line.next(signal),
    close() {
      line.close();
      server.close();
    },
  };
}

/** Gives every connection, paused, to `take`, as it comes. Rejects as `listenOn`. */
export async function serveTcp(
  endpoint: Endpoint,
  signal: AbortSignal,
  take: (socket: Socket) => void,
): Promise<{ endpoint: Endpoint; close(): void }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    // Also for those that are served: what becomes of a connection is told by its reads and writes.
    socket.on('error', () => undefined);
    take(socket);
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
  return { endpoint: { host: endpoint.host, port }, close: () => void server.close() };
}

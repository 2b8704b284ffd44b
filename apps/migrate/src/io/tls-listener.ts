import type { Socket } from 'node:net';
import type { Endpoint } from '../options/endpoint.ts';
import type { Arrival, SourceListener } from './source-listener.ts';
import { SOURCES_WAITING_MAX, serveTcp } from './tcp-listener.ts';
import { socketTransport } from './tcp-transport.ts';
import { acceptSecurely } from './tls-accept.ts';
import { type Credentials, HANDSHAKE_TIMEOUT_MS } from './tls-credentials.ts';
import { recordReader } from './tls-reader.ts';
import { WaitingLine } from './waiting-line.ts';

/** Handshakes that may go on at once. One takes milliseconds: of more than these, the oldest is one that hangs. */
export const HANDSHAKES_MAX = 32;
/** Of more failed handshakes than this, while a source is served, nobody hears. */
export const FAILURES_WAITING_MAX = 8;

interface Waiting extends Arrival {
  readonly isFailure: boolean;
  drop(): void;
}

/**
 * Sources that are believed. Handshakes go on at once and while a source is served, so none that hangs holds up another; who has come
 * through waits in line.
 */
export async function listenSecurely(
  endpoint: Endpoint,
  credentials: Credentials,
  signal: AbortSignal,
  handshakeMs = HANDSHAKE_TIMEOUT_MS,
): Promise<SourceListener> {
  const shaking = new Set<Socket>();
  const sources = new WaitingLine<Waiting>(SOURCES_WAITING_MAX + FAILURES_WAITING_MAX, (one) => one.drop());
  const waitingCount = { sources: 0, failures: 0 };

  const add = (one: Waiting) => {
    const kind = one.isFailure ? 'failures' : 'sources';
    const max = one.isFailure ? FAILURES_WAITING_MAX : SOURCES_WAITING_MAX;
    if (waitingCount[kind] === max) {
      one.drop();
      return;
    }
    waitingCount[kind]++;
    sources.add(one);
  };

  const server = await serveTcp(endpoint, signal, (socket) => {
    if (waitingCount.sources === SOURCES_WAITING_MAX) {
      socket.destroy();
      return;
    }
    const [oldest] = shaking;
    if (shaking.size === HANDSHAKES_MAX) oldest?.destroy();
    shaking.add(socket);
    void arrive(socket, credentials, handshakeMs)
      .finally(() => shaking.delete(socket))
      .then(add);
  });

  return {
    endpoint: server.endpoint,
    async next() {
      const one = await sources.next(signal);
      waitingCount[one.isFailure ? 'failures' : 'sources']--;
      return one;
    },
    close() {
      sources.close();
      for (const socket of shaking) socket.destroy();
      server.close();
    },
  };
}

/** Never rejects. */
async function arrive(accepted: Socket, credentials: Credentials, handshakeMs: number): Promise<Waiting> {
  const { remoteAddress: host, remotePort: port } = accepted;
  try {
    const socket = await acceptSecurely(accepted, credentials, handshakeMs);
    return {
      host,
      port,
      isFailure: false,
      open: () => socketTransport(socket, recordReader(socket)),
      drop: () => void socket.destroy(),
    };
  } catch (error) {
    return {
      host,
      port,
      isFailure: true,
      open: () => {
        throw error;
      },
      drop: () => undefined,
    };
  }
}

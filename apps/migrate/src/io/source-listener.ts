import type { Socket } from 'node:net';
import type { Transport } from '@stillframe/snapshot';
import type { Endpoint } from '../options/endpoint.ts';
import { listenOn } from './tcp-listener.ts';
import { acceptedTransport } from './tcp-transport.ts';
import type { Credentials } from './tls-credentials.ts';
import { plainOnly } from './tls-hint.ts';
import { listenSecurely } from './tls-listener.ts';

/** A source that has connected, or has tried to. */
export interface Arrival {
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** It may be without a connection for so long, and come back; not given where it cannot. */
  readonly awayMs?: number;
  /** Its connection; called once. Throws with which error it was refused or lost before it was connected. */
  open(): Transport;
}

/** Sources, one after the other. */
export interface SourceListener {
  /** Where it listens: the port is the real one. */
  readonly endpoint: Endpoint;
  /** The next one. Rejects with the reason of the signal. */
  next(): Promise<Arrival>;
  /** Listens no more, and drops those that wait. */
  close(): void;
}

/** In plain text without `credentials`. Waits until `signal` for sources. Rejects as `listenOn`. */
export async function listenForSources(
  endpoint: Endpoint,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<SourceListener> {
  if (credentials !== undefined) return await listenSecurely(endpoint, credentials, signal);
  const listener = await listenOn(endpoint, signal);
  return {
    ...listener,
    next: async () => plainArrival(await listener.next()),
  };
}

function plainArrival(socket: Socket): Arrival {
  const { remoteAddress: host, remotePort: port } = socket;
  return { host, port, open: () => plainOnly(acceptedTransport(socket), 'source') };
}

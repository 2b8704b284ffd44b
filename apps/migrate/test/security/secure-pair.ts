import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { Transport } from '@stillframe/snapshot';
import { onTestFinished } from 'vitest';
import { type Arrival, listenForSources, type SourceListener } from '../../src/io/source-listener.ts';
import { socketTransport } from '../../src/io/tcp-transport.ts';
import { connectSecurely } from '../../src/io/tls-connect.ts';
import type { Credentials } from '../../src/io/tls-credentials.ts';
import { recordReader } from '../../src/io/tls-reader.ts';

const HERE = { host: '127.0.0.1', port: 0 };

/** Listens until the test is over. */
export async function listen(
  credentials: Credentials | undefined,
  signal: AbortSignal = new AbortController().signal,
): Promise<SourceListener> {
  const listener = await listenForSources(HERE, credentials, signal);
  onTestFinished(() => listener.close());
  return listener;
}

/** Connects as `migrate source` does, until the test is over. */
export async function arriveAt(listener: SourceListener, credentials: Credentials): Promise<Transport> {
  const transport = await connectSecurely(listener.endpoint, credentials, new AbortController().signal);
  onTestFinished(() => transport.destroy());
  return transport;
}

/** The connection of an arrival, until the test is over. */
export function opened(arrival: Arrival): Transport {
  const transport = arrival.open();
  onTestFinished(() => transport.destroy());
  return transport;
}

/** A plain connection, until the test is over. */
export async function rawConnection(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** A client of node:tls as any program may have one, over a connection that can be reset. Nothing is read. */
export function tlsOver(tcp: Socket, options: ConnectionOptions): TLSSocket {
  const socket = connectTls({ ...options, socket: tcp });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

export function tlsTransport(socket: TLSSocket): Transport {
  return socketTransport(socket, recordReader(socket));
}

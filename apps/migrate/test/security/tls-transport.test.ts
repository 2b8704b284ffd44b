import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished } from 'vitest';
import { acceptSecurely } from '../../src/io/tls-accept.ts';
import { PSK_IDENTITY, sharedOptions } from '../../src/io/tls-credentials.ts';
import { connectSecurely } from '../../src/io/tls-connect.ts';
import { socketPair } from '../io/socket-pair.ts';
import { type TransportPair, transportCases } from '../io/transport-cases.ts';
import { newKey } from './authority.ts';
import { tlsOver, tlsTransport } from './secure-pair.ts';

/** `near` is what a destination has of its source. */
async function accepted(): Promise<TransportPair> {
  const credentials = newKey();
  const { near: tcpNear, far: tcpFar } = await socketPair();
  const accepting = acceptSecurely(tcpNear, credentials);
  const far = tlsOver(tcpFar, {
    ...sharedOptions(credentials),
    pskCallback: () => ({ psk: credentials.key, identity: PSK_IDENTITY }),
  });
  const [socket] = await Promise.all([accepting, once(far, 'secureConnect')]);
  // The verdict.
  const [verdict] = await once(far, 'data');
  far.pause();
  expect([...verdict]).toEqual([1]);
  const near = tlsTransport(socket);
  onTestFinished(() => near.destroy());
  return { near, far, farTransport: () => tlsTransport(far), reset: () => void tcpFar.resetAndDestroy() };
}

/** `near` is what a source has of its destination. */
async function connected(): Promise<TransportPair> {
  const credentials = newKey();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const [near, [far, tcpFar]] = await Promise.all([
    connectSecurely({ host: '127.0.0.1', port: address.port }, credentials, new AbortController().signal),
    once(server, 'connection').then(async ([tcp]) => [await acceptSecurely(tcp, credentials), tcp] as const),
  ]);
  onTestFinished(async () => {
    far.destroy();
    await near.destroy();
  });
  return { near, far, farTransport: () => tlsTransport(far), reset: () => void tcpFar.resetAndDestroy() };
}

describe.for([
  { kind: 'accepted', pair: accepted },
  { kind: 'connected', pair: connected },
])('over TLS, $kind', ({ pair }) => {
  transportCases(pair);
});

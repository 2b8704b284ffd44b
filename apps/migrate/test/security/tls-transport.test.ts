import { once } from 'node:events';
import { createServer } from 'node:net';
import { sinkCompliance } from '@stillframe/snapshot/compliance';
import { describe, expect, onTestFinished, test } from 'vitest';
import { acceptSecurely } from '../../src/io/tls-accept.ts';
import { PSK_IDENTITY, sharedOptions } from '../../src/io/tls-credentials.ts';
import { connectSecurely } from '../../src/io/tls-connect.ts';
import { READ_AHEAD_BYTES } from '../../src/io/tls-reader.ts';
import { socketPair } from '../io/socket-pair.ts';
import { type TransportPair, transportCases } from '../io/transport-cases.ts';
import { transportSink } from '../io/transport-sink.ts';
import { newKey } from './authority.ts';
import { tlsOver, tlsTransport } from './secure-pair.ts';

/** The most that TLS has in one. */
const RECORD_BYTES = 16_384;
/** More than the buffers of both sides of a connection on this machine. */
const HELD_BACK_BYTES = 24 * 2 ** 20;

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

test('a read takes many records at once, and no more than it may', async () => {
  const { near, far } = await accepted();
  const sent = Buffer.alloc(8 * READ_AHEAD_BYTES, 'records');
  far.end(sent);
  const parts: Uint8Array[] = [];
  for (let byteCount = -1; byteCount !== 0; ) {
    const into = new Uint8Array(READ_AHEAD_BYTES);
    // oxlint-disable-next-line no-await-in-loop -- one read after the other
    byteCount = await near.read(into);
    parts.push(into.subarray(0, byteCount));
  }
  expect(Buffer.concat(parts).equals(sent)).toBe(true);
  expect(Math.max(...parts.map(({ byteLength }) => byteLength))).toBeGreaterThan(RECORD_BYTES);
});

test('holds the sender back while nobody reads', async () => {
  const { near, far } = await accepted();
  far.resume().write(Buffer.alloc(HELD_BACK_BYTES));
  // By then everything would have been read if anybody read it.
  for (let trip = 0; trip < 50; trip++) {
    const heard = once(far, 'data');
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await near.write([Uint8Array.of(1)]);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await heard;
  }
  expect(far.writableLength).toBe(HELD_BACK_BYTES);
});

test('what came before the connection broke is read first', async () => {
  const { near, far, reset } = await accepted();
  await new Promise((resolve) => {
    far.write('a last word', resolve);
  });
  // Something that comes back: the word is there by then.
  const heard = once(far.resume(), 'data');
  await near.write([Uint8Array.of(1)]);
  await heard;
  reset();
  await near.write([new Uint8Array(1)]).catch(() => undefined);
  const into = new Uint8Array(100);
  expect(Buffer.from(into.subarray(0, await near.read(into))).toString()).toBe('a last word');
  await near.destroy();
});

describe('a secure connection under a sink', () => {
  test.for(sinkCompliance({ makeSink: async () => transportSink(await connected()) }))(
    '$name',
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
  );
});

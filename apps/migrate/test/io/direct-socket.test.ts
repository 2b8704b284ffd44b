import { once } from 'node:events';
import { createServer } from 'node:net';
import { sinkCompliance } from '@stillframe/snapshot/compliance';
import { describe, expect, it, test } from 'vitest';
import { connectTo, tcpTransport } from '../../src/io/tcp-transport.ts';
import { connection, pattern, readAll, roundTrip, ways } from './connections.ts';
import { transportSink } from './transport-sink.ts';

/** More than the buffers of both sides of a connection on this machine. */
const LARGE_BYTES = 24 * 2 ** 20;

describe.each(ways)('read, %s', (way) => {
  it('holds the sender back while nobody reads', async () => {
    const both = await connection(way);
    const { far, near } = both;
    const sent = pattern(LARGE_BYTES);
    far.end(sent);
    await near.read(new Uint8Array(1));
    await roundTrip(both);
    // What the kernel and one chunk hold is less than this.
    expect(far.writableLength).toBeGreaterThan(0);
    expect(Buffer.compare(await readAll(near, [1 << 20]), sent.subarray(1))).toBe(0);
  });

  it('does not touch a buffer that it has given back', async () => {
    const both = await connection(way);
    const { far, near } = both;
    far.write('first');
    const into = new Uint8Array(100);
    expect(await near.read(into)).toBe(5);
    into.fill(7);
    far.end('second');
    await roundTrip(both);
    expect(Buffer.from(await readAll(near, [100])).toString()).toBe('second');
    expect(into.every((byte) => byte === 7)).toBe(true);
  });

  it('fails for good when the connection is reset', async () => {
    const { far, near } = await connection(way);
    const reading = near.read(new Uint8Array(10));
    far.resetAndDestroy();
    await expect(reading).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(near.read(new Uint8Array(10))).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});

it('reads larger pieces than Node’s own chunks, straight into place', async () => {
  const { far, near } = await connection('direct');
  far.end(pattern(LARGE_BYTES));
  let largest = 0;
  for (let byteCount = -1; byteCount !== 0; largest = Math.max(largest, byteCount)) {
    // oxlint-disable-next-line no-await-in-loop -- one read after the other
    byteCount = await near.read(new Uint8Array(1 << 20));
  }
  expect(largest).toBeGreaterThan(65_536);
});

it('a connection outlives the signal with which it was made', async () => {
  const server = createServer((socket) => void socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  const stop = new AbortController();
  const transport = tcpTransport(await connectTo({ host: '127.0.0.1', port: address.port }, stop.signal));
  stop.abort(new Error('enough'));
  await transport.write([Buffer.from('a last word')]);
  await transport.end();
  expect(Buffer.from(await readAll(transport, [100])).toString()).toBe('a last word');
  await transport.destroy();
  server.close();
});

describe('a connection under a sink', () => {
  test.for(sinkCompliance({ makeSink: async () => transportSink(await connection('direct')) }))(
    '$name',
    async ({ run }) => {
      await expect(run()).resolves.toBeUndefined();
    },
  );
});

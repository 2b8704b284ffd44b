import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { SOURCES_WAITING_MAX } from '../../src/io/tcp-listener.ts';
import { connectSecurely } from '../../src/io/tls-connect.ts';
import { FAILURES_WAITING_MAX, HANDSHAKES_MAX, listenSecurely } from '../../src/io/tls-listener.ts';
import { newKey } from './authority.ts';
import { arriveAt, listen, opened, rawConnection } from './secure-pair.ts';

/** Resolves when the connection is gone, in good order or not. */
function closing(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.resume().once('close', resolve);
  });
}

test('handshakes that hang hold up nobody, and of too many the oldest go', async () => {
  const key = newKey();
  const listener = await listen(key);
  const hanging: Socket[] = [];
  for (let count = 0; count < HANDSHAKES_MAX; count++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    hanging.push(await rawConnection(listener.endpoint.port));
  }
  const oldest = closing(hanging[0]!);
  await arriveAt(listener, key);
  const [dropped, arrival] = [await listener.next(), await listener.next()];
  expect(() => dropped.open()).toThrow(expect.objectContaining({ code: 'PEER_UNREACHABLE' }));
  opened(arrival);
  await oldest;
  expect(hanging.slice(1).map(({ closed, destroyed }) => closed || destroyed)).not.toContain(true);
});

test('a handshake that is never finished ends after its time, and is told', async () => {
  const key = newKey();
  const stop = new AbortController();
  const listener = await listenSecurely({ host: '127.0.0.1', port: 0 }, key, stop.signal, 50);
  onTestFinished(() => listener.close());
  const socket = await rawConnection(listener.endpoint.port);
  const closed = closing(socket);
  // The beginning of a ClientHello that never goes on.
  socket.write(Uint8Array.of(0x16, 0x03, 0x01, 0x02));
  const arrival = await listener.next();
  expect(() => arrival.open()).toThrow(expect.objectContaining({ code: 'PEER_UNREACHABLE' }));
  await closed;
});

test('a destination that never answers is given up after its time', async () => {
  const server = createServer((socket) => void socket.on('error', () => undefined).resume());
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const never = new AbortController().signal;
  await expect(
    connectSecurely({ host: '127.0.0.1', port: address.port }, newKey(), never, 50),
  ).rejects.toMatchObject({ code: 'PEER_UNREACHABLE', message: expect.stringContaining('after 0.05 s') });
});

test('an abort ends a handshake, with its reason', async () => {
  const stop = new AbortController();
  const reason = new Error('enough');
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    stop.abort(reason);
  });
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const connecting = connectSecurely({ host: '127.0.0.1', port: address.port }, newKey(), stop.signal);
  await expect(connecting).rejects.toBe(reason);
});

test('turns away more sources than may wait', async () => {
  const key = newKey();
  const listener = await listen(key);
  for (let count = 0; count < SOURCES_WAITING_MAX; count++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await arriveAt(listener, key);
  }
  await expect(arriveAt(listener, key)).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' });
  opened(await listener.next());
  await arriveAt(listener, key);
});

test('failed handshakes take no place in the line, and not all are told', async () => {
  const key = newKey();
  const listener = await listen(key);
  for (let count = 0; count < FAILURES_WAITING_MAX + SOURCES_WAITING_MAX; count++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const socket = await rawConnection(listener.endpoint.port);
    const closed = closing(socket);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    // oxlint-disable-next-line no-await-in-loop -- as above
    await closed;
  }
  const source = await arriveAt(listener, key);
  for (let count = 0; count < FAILURES_WAITING_MAX; count++) {
    // oxlint-disable-next-line no-await-in-loop -- as above
    const arrival = await listener.next();
    expect(() => arrival.open()).toThrow(expect.objectContaining({ code: 'REFUSED' }));
  }
  const near = opened(await listener.next());
  await source.write([Uint8Array.of(1)]);
  expect(await near.read(new Uint8Array(10))).toBe(1);
});

test('closing drops handshakes and sources that wait', async () => {
  const key = newKey();
  // No handshake ends by itself.
  const listener = await listenSecurely(
    { host: '127.0.0.1', port: 0 },
    key,
    new AbortController().signal,
    600_000,
  );
  const waiting = await arriveAt(listener, key);
  const hanging = await rawConnection(listener.endpoint.port);
  const closed = closing(hanging);
  const served = arriveAt(listener, key);
  await served;
  listener.close();
  await closed;
  // Dropped, in good order or not.
  expect(await waiting.read(new Uint8Array(1)).catch(() => 0)).toBe(0);
});

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { listenOn, SOURCES_WAITING_MAX, type TcpListener } from '../../src/io/tcp-listener.ts';

const HERE = { host: '127.0.0.1', port: 0 };

async function listener(signal: AbortSignal = new AbortController().signal): Promise<TcpListener> {
  const made = await listenOn(HERE, signal);
  onTestFinished(() => made.close());
  return made;
}

function connectTo({ endpoint }: TcpListener) {
  const socket = connect(endpoint);
  socket.on('error', () => undefined);
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

/** Resolves when the connection is gone, in good order or not. */
function closing(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.resume().once('close', resolve);
  });
}

test('gives connections in the order in which they came', async () => {
  const made = await listener();
  const ports: (number | undefined)[] = [];
  for (let count = 0; count < 3; count++) {
    const socket = connectTo(made);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await once(socket, 'connect');
    ports.push(socket.localPort);
  }
  const accepted = [await made.next(), await made.next(), await made.next()];
  expect(accepted.map(({ remotePort }) => remotePort)).toEqual(ports);
});

test('waits for a connection', async () => {
  const made = await listener();
  const next = made.next();
  const socket = connectTo(made);
  expect((await next).remoteAddress).toBe('127.0.0.1');
  await once(socket, 'connect');
});

test('the wait ends with the reason of the signal', async () => {
  const stop = new AbortController();
  const made = await listener(stop.signal);
  const next = made.next();
  stop.abort(new Error('enough'));
  await expect(next).rejects.toThrow('enough');
  await expect(made.next()).rejects.toThrow('enough');
});

test('turns away more than may wait, and takes others when one is served', async () => {
  const made = await listener();
  const sockets = Array.from({ length: SOURCES_WAITING_MAX + 1 }, () => connectTo(made));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  await Promise.race(sockets.map(closing));
  const served = await made.next();
  const late = connectTo(made);
  await once(late, 'connect');
  const waiting = [];
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  for (let count = 0; count < SOURCES_WAITING_MAX; count++) waiting.push(await made.next());
  expect(new Set([served, ...waiting].map(({ remotePort }) => remotePort)).size).toBe(
    SOURCES_WAITING_MAX + 1,
  );
  expect(waiting.at(-1)?.remotePort).toBe(late.localPort);
});

test('drops those that wait when it is closed', async () => {
  const made = await listener();
  const [served, waiting] = [connectTo(made), connectTo(made)];
  await Promise.all([once(served, 'connect'), once(waiting, 'connect')]);
  const taken = await made.next();
  // Accepted, too, by the time that a few round trips have been made.
  for (let count = 0; count < 3; count++) {
    const heard = once(served, 'data');
    taken.write('x');
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await heard;
  }
  const servedClosed = closing(served);
  made.close();
  await closing(waiting);
  expect(served.closed).toBe(false);
  taken.end();
  await servedClosed;
  expect(taken.writableFinished).toBe(true);
});

test('says that an address is taken', async () => {
  const { endpoint } = await listener();
  await expect(listenOn(endpoint, new AbortController().signal)).rejects.toMatchObject({
    code: 'FILE',
    message: expect.stringContaining(String(endpoint.port)),
    cause: { code: 'EADDRINUSE' },
  });
});

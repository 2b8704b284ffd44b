import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { migrate, startDest, startSource } from './child.ts';
import { imagePlace } from './folder.ts';
import { expectGuestGoesOn } from './survive.ts';

/** A server of ours, its connections left to `serve`. */
async function listen(
  serve: (socket: Socket) => void,
): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const close = async () => {
    await promisify(server.close.bind(server))();
  };
  return { port: address.port, close };
}

test('nobody listens: the workload goes on', async () => {
  const { port, close } = await listen(() => undefined);
  await close();
  const source = await startSource(`127.0.0.1:${port}`, 'counter,size=2MiB').exit;
  expect(source).toMatchObject({
    code: 11,
    summary: { outcome: 'peer-lost', exitCode: 11, verified: false },
  });
  expect(source.lines).toContainEqual(
    expect.objectContaining({
      type: 'error',
      code: 'PEER_UNREACHABLE',
      hint: expect.stringContaining('migrate dest'),
    }),
  );
  expectGuestGoesOn(source);
});

test('a program that waits for a guest takes no picture, and the source hears why', async () => {
  const dest = await startDest('--json', '--once', '--into', 'exec', '--', 'cat');
  const source = await startSource(dest.to, 'counter,size=2MiB').exit;
  expect(source).toMatchObject({
    code: 15,
    summary: { outcome: 'refused' },
    stderr: expect.stringContaining('--into exec takes a guest that moves'),
  });
  expectGuestGoesOn(source);
  expect(await dest.child.exit).toMatchObject({
    code: 15,
    summary: { outcome: 'refused' },
    stderr: expect.stringContaining('migrate restore PATH --into exec'),
  });
});

test('a destination that keeps pictures in a file takes up no guest that moves: it stays', async () => {
  const { image, names } = await imagePlace();
  const dest = await startDest('--once', '--into', `file:${image}`);
  const move = ['--workload', 'counter,size=2MiB', '--mode', 'precopy', '--before-ms', '20'];
  const source = await migrate('source', '--to', dest.to, ...move).exit;
  expect(source).toMatchObject({
    code: 15,
    summary: { outcome: 'refused' },
    stderr: expect.stringContaining('--into file: takes pictures'),
  });
  expect(source.lines).toContainEqual(expect.objectContaining({ type: 'guest', state: 'here' }));
  expect(await dest.child.exit).toMatchObject({ code: 15, summary: { outcome: 'refused' } });
  expect(await names()).toEqual([]);
});

test('a destination that says nothing is lost after --idle-s, and the workload goes on', async () => {
  const { port, close } = await listen((socket) => socket.on('error', () => undefined).resume());
  onTestFinished(close);
  const source = await startSource(`127.0.0.1:${port}`, 'counter,size=2MiB', '--idle-s', '0.2').exit;
  expect(source).toMatchObject({ code: 11, summary: { outcome: 'peer-lost' } });
  expectGuestGoesOn(source);
});

test.for([
  ['source', '--to', '192.0.2.1:7000', '--workload', 'counter,size=2MiB'],
  ['source', '--to', '[2001:db8::1]:7000', '--workload', 'counter,size=2MiB'],
  ['dest', '--listen', '0.0.0.0:0'],
])('memory does not leave this machine in plain text: %j', async (args) => {
  expect(await migrate(...args).exit).toMatchObject({
    code: 15,
    summary: { outcome: 'refused' },
    stderr: expect.stringContaining('--insecure'),
  });
});

test('the port is taken', async () => {
  const { port, close } = await listen(() => undefined);
  onTestFinished(close);
  expect(await migrate('dest', '--listen', `127.0.0.1:${port}`).exit).toMatchObject({ code: 16 });
});

test('bad flags end before anything starts', async () => {
  const source = await migrate('source', '--to', '127.0.0.1:7000', '--workload', 'conter').exit;
  expect(source).toMatchObject({ code: 2, summary: { outcome: 'usage', exitCode: 2 } });
  expect(source.lines.map(({ type }) => type)).toEqual(['error', 'summary']);
});

test('a folder that is not there', async () => {
  const { image } = await imagePlace();
  const snapshot = migrate(
    'snapshot',
    '--out',
    `${image}/no/image.sfp`,
    '--workload',
    'counter,size=2MiB',
  ).exit;
  expect(await snapshot).toMatchObject({ code: 16, summary: { outcome: 'local-io' } });
});

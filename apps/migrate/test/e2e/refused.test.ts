import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { migrate, startSource } from './child.ts';
import { imagePlace, makeFolder } from './folder.ts';
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

const GUEST = ['--workload', 'counter,size=2MiB'];
const TO = ['--to', '127.0.0.1:7000'];
const usage: readonly { args: readonly string[]; words: string }[] = [
  { args: ['source', ...TO, ...GUEST, '--mode', 'precopy'], words: '--mode precopy' },
  { args: ['source', ...TO, ...GUEST, '--mode', 'postcopy'], words: '--mode postcopy' },
  { args: ['dest', '--into', 'qemu'], words: '--into qemu' },
  { args: ['dest', '--into', 'exec'], words: '--into exec' },
  { args: ['dest', '--into', 'flie:x'], words: '--into flie:x' },
  { args: ['dest', '--listen', '127.0.0.1'], words: 'HOST:PORT' },
  { args: ['dest', '--listen', '127.0.0.1:65536'], words: 'HOST:PORT' },
  { args: ['source', ...GUEST], words: '--to' },
  { args: ['source', ...TO], words: '--workload' },
  { args: ['snapshot', ...GUEST], words: '--out' },
  { args: ['source', ...TO, '--workload', 'conter'], words: 'counter' },
  { args: ['source', ...TO, '--workload', 'counter,siz=2MiB'], words: 'size' },
  { args: ['source', ...TO, ...GUEST, '--limiter', 'token-buket'], words: 'token-bucket' },
  { args: ['source', ...TO, ...GUEST, '--limiter', 'token-bucket,rte=1'], words: 'rate' },
  { args: ['source', ...TO, ...GUEST, '--pre-images-max', '12 parsecs'], words: 'parsecs' },
  { args: ['source', ...TO, ...GUEST, '--pre-images-max', '0'], words: '--overflow stall' },
  { args: ['source', ...TO, ...GUEST, '--overflow', 'explode'], words: 'explode' },
  { args: ['source', ...TO, ...GUEST, '--timeout-s', '0'], words: '--timeout-s' },
  { args: ['source', ...TO, ...GUEST, '--before-ms', '-1'], words: '--before-ms' },
  { args: ['source', ...TO, ...GUEST, '--limter', 'none'], words: '--limiter' },
  { args: ['sauce'], words: 'source' },
];

test.for(usage)('usage: $args', async ({ args, words }) => {
  expect(await migrate(...args).exit).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
});

test('a mistake in the config file is told with its key, before anything starts', async () => {
  const config = path.join(await makeFolder(), 'policy.yaml');
  await writeFile(config, 'limitr: none\n');
  const source = await migrate('source', ...TO, ...GUEST, '--config', config).exit;
  expect(source).toMatchObject({ code: 2, stderr: expect.stringContaining('limitr') });
  expect(source.stderr).toContain('limiter');
  expect(source.lines.filter(({ type }) => type === 'workload')).toEqual([]);
});

test('a folder that is not there', async () => {
  const { image } = await imagePlace();
  const snapshot = migrate('snapshot', '--out', `${image}/no/image.sfp`, ...GUEST, '--before-ms', '0').exit;
  expect(await snapshot).toMatchObject({ code: 16, summary: { outcome: 'local-io' } });
});

test('a config file that is not there', async () => {
  expect(await migrate('source', ...TO, ...GUEST, '--config', '/nowhere.yaml').exit).toMatchObject({
    code: 16,
  });
});

import { once } from 'node:events';
import { chmod, link, mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { askControl } from '../../src/control/control-client.ts';
import { type ControlServer, startControlServer } from '../../src/control/control-server.ts';
import { CLIENTS_MAX, REQUEST_MAX_BYTES, SOCKET_PATH_MAX_BYTES } from '../../src/control/limits.ts';
import { checkSocketPath } from '../../src/control/socket-path.ts';
import { makeFolder } from '../e2e/folder.ts';

const echo = async (line: string): Promise<object> => ({ ok: true, protocol: 1, line });

async function start(answer: (line: string) => Promise<object> = echo, idleMs?: number) {
  const place = path.join(await makeFolder(), 'c.sock');
  const server = await startControlServer({
    path: place,
    answer,
    ...(idleMs === undefined ? {} : { idleMs }),
  });
  onTestFinished(async () => server[Symbol.asyncDispose]());
  return { server, place };
}

async function connect(place: string): Promise<Socket> {
  const socket = createConnection(place);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Says `words`, and that this was all; what comes back until the end. */
async function say(place: string, words: string): Promise<unknown[]> {
  const socket = await connect(place);
  socket.end(words);
  const heard = await text(socket);
  return heard
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

test('each line is answered, in order, also when they come at once and the client has said everything', async () => {
  const { place } = await start();
  expect(await say(place, '1\n2\n3\n')).toMatchObject([{ line: '1' }, { line: '2' }, { line: '3' }]);
});

test('one answer at a time', async () => {
  let going = 0;
  const { place } = await start(async (line) => {
    going += 1;
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    going -= 1;
    return { line, going };
  });
  expect(await say(place, '1\n2\n3\n')).toMatchObject([{ going: 0 }, { going: 0 }, { going: 0 }]);
});

test('only the owner may use the socket, whatever the umask, and the umask stays', async () => {
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const { place } = await start();
  expect((await stat(place)).mode & 0o777).toBe(0o600);
  expect(process.umask()).toBe(0);
});

test('the socket goes with its server', async () => {
  const { server, place } = await start();
  await connect(place);
  await server[Symbol.asyncDispose]();
  expect(await readdir(path.dirname(place))).toEqual([]);
});

test('an answer that is being made when the server goes is given', async () => {
  let closing: PromiseLike<void> | undefined;
  const { server, place } = await start(async () => {
    closing = server[Symbol.asyncDispose]();
    return { last: 'word' };
  });
  expect(await say(place, '{}\n')).toEqual([{ last: 'word' }]);
  await closing;
});

test('half a line harms nobody', async () => {
  const asked: string[] = [];
  const { place } = await start(async (line) => {
    asked.push(line);
    return {};
  });
  const socket = await connect(place);
  socket.write('{"command":"can');
  socket.destroy();
  await once(socket, 'close');
  expect(await say(place, 'half\nand half')).toHaveLength(1);
  expect(asked).toEqual(['half']);
});

test('a client that resets in the middle of an answer harms nobody', async () => {
  const { place } = await start(async () => ({ long: 'x'.repeat(2 ** 20) }));
  const socket = await connect(place);
  socket.write('1\n');
  await once(socket, 'data');
  socket.destroy();
  expect(await say(place, '2\n')).toHaveLength(1);
});

test('a line as long as allowed is answered, one byte more is told and the client let go', async () => {
  const { place } = await start(async (line) => ({ length: line.length }));
  expect(await say(place, `${'x'.repeat(REQUEST_MAX_BYTES)}\n`)).toEqual([{ length: REQUEST_MAX_BYTES }]);
  expect(await say(place, `${'x'.repeat(REQUEST_MAX_BYTES + 1)}\nmore\n`)).toMatchObject([
    { ok: false, code: 'USAGE', exitCode: 2 },
  ]);
});

test('so many clients and no more; one that goes makes room', async () => {
  const { place } = await start();
  const clients: Socket[] = [];
  for (let client = 0; client < CLIENTS_MAX; client++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    clients.push(await connect(place));
  }
  expect(await say(place, 'one too many\n')).toMatchObject([{ ok: false, code: 'REFUSED', exitCode: 15 }]);
  const [first] = clients;
  first!.end();
  // The server's end comes when it has seen ours.
  await text(first!);
  expect(await say(place, 'now\n')).toMatchObject([{ line: 'now' }]);
});

test('an idle client is let go', async () => {
  const { place } = await start(echo, 20);
  const socket = await connect(place);
  expect(await text(socket)).toBe('');
});

test('a client that asks and does not read is not answered on and on', async () => {
  let answers = 0;
  const { place } = await start(async () => {
    answers += 1;
    return { long: 'x'.repeat(2 ** 16) };
  }, 100);
  const socket = (await connect(place)).pause();
  socket.on('error', () => undefined);
  // More than the kernel holds, so that the write ends only when the server lets the client go, as idle.
  socket.write('1\n'.repeat(2 ** 20));
  await new Promise((resolve) => {
    socket.once('close', resolve);
  });
  expect(answers).toBeGreaterThan(0);
  expect(answers).toBeLessThan(1000);
});

test('a socket that nobody answers at is replaced', async () => {
  const place = path.join(await makeFolder(), 'c.sock');
  const dead = createServer().listen(place);
  await once(dead, 'listening');
  // As a killed process leaves it: another name for it stays when the first goes.
  await link(place, `${place}.kept`);
  await new Promise((resolve) => {
    dead.close(resolve);
  });
  await rename(`${place}.kept`, place);
  await using server = await startControlServer({ path: place, answer: echo });
  expect(server.path).toBe(place);
  expect(await say(place, 'alive\n')).toMatchObject([{ line: 'alive' }]);
});

test('a socket that somebody answers at is not', async () => {
  const { place } = await start();
  await expect(startControlServer({ path: place, answer: echo })).rejects.toMatchObject({ code: 'REFUSED' });
  expect(await say(place, 'still here\n')).toMatchObject([{ line: 'still here' }]);
});

test.for(['file', 'folder'])('a %s in the way stays', async (kind) => {
  const place = path.join(await makeFolder(), 'c.sock');
  await (kind === 'file' ? writeFile(place, 'mine') : mkdir(place));
  await expect(startControlServer({ path: place, answer: echo })).rejects.toMatchObject({
    code: 'REFUSED',
    message: expect.stringContaining('not a socket'),
  });
  expect((await stat(place)).isSocket()).toBe(false);
});

test('a folder that is not there', async () => {
  const place = path.join(await makeFolder(), 'nowhere', 'c.sock');
  await expect(startControlServer({ path: place, answer: echo })).rejects.toMatchObject({ code: 'FILE' });
});

test('paths one below, at and one above what the kernel takes', async () => {
  const folder = await makeFolder();
  const ofLength = (bytes: number) => `${folder}/${'x'.repeat(bytes - folder.length - 1)}`;
  for (const bytes of [SOCKET_PATH_MAX_BYTES - 1, SOCKET_PATH_MAX_BYTES]) {
    const place = ofLength(bytes);
    checkSocketPath(place);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await using server: ControlServer = await startControlServer({ path: place, answer: echo });
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await readdir(folder)).toEqual([path.basename(server.path)]);
  }
  const tooLong = startControlServer({ path: ofLength(SOCKET_PATH_MAX_BYTES + 1), answer: echo });
  await expect(tooLong).rejects.toMatchObject({ code: 'USAGE' });
  expect(() => checkSocketPath(ofLength(SOCKET_PATH_MAX_BYTES + 1))).toThrow(
    expect.objectContaining({ code: 'USAGE' }),
  );
  expect(() => checkSocketPath('')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  // Two bytes a letter.
  expect(() => checkSocketPath('ü'.repeat(54))).toThrow(expect.objectContaining({ code: 'USAGE' }));
});

const { signal } = new AbortController();

test('a client asks and is answered', async () => {
  const { place } = await start();
  expect(await askControl(place, { command: 'status' }, signal)).toMatchObject({
    line: '{"command":"status"}',
  });
});

test('a client with nobody to ask', async () => {
  const folder = await makeFolder();
  await expect(askControl(path.join(folder, 'c.sock'), { command: 'status' }, signal)).rejects.toMatchObject({
    code: 'PEER_UNREACHABLE',
  });
  await writeFile(path.join(folder, 'file'), '');
  await chmod(path.join(folder, 'file'), 0o600);
  await expect(askControl(path.join(folder, 'file'), { command: 'status' }, signal)).rejects.toMatchObject({
    code: 'PEER_UNREACHABLE',
  });
});

test.for<[string, (socket: Socket) => void]>([
  ['nothing', (socket) => void socket.end()],
  ['no JSON', (socket) => void socket.end('hello\n')],
  ['another protocol', (socket) => void socket.end('{"ok":true,"protocol":2}\n')],
  ['half a line', (socket) => void socket.end('{"ok":true')],
  ['a line without end', (socket) => void socket.write('x'.repeat(2 ** 20))],
  ['a reset', (socket) => void socket.destroy()],
])('a client that is answered by %s', async ([, behave]) => {
  const place = path.join(await makeFolder(), 'c.sock');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    behave(socket);
  }).listen(place);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  await expect(askControl(place, { command: 'status' }, signal)).rejects.toMatchObject({
    code: 'PEER_UNREACHABLE',
  });
});

test('a client that is interrupted says so', async () => {
  const { place } = await start(() => new Promise(() => {}));
  const abort = new AbortController();
  const asking = askControl(place, { command: 'status' }, abort.signal);
  abort.abort(new Error('enough'));
  await expect(asking).rejects.toThrow('enough');
});

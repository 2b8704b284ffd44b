import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { closeFd, duplicateConnection, FaultAnswerer, Mapping, PageServer, pageSize } from '../src/index.ts';
import { crc32c, patterned } from './serving.ts';

const PAGES = 32;

/** Both ends of a TCP connection that Node has opened. */
async function connection(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const near = connect({ port: typeof address === 'object' ? address!.port : 0, host: '127.0.0.1' });
  const [[far]] = await Promise.all([once(server, 'connection'), once(near, 'connect')]);
  server.close();
  return { near, far };
}

/** The descriptor of a socket that is Node's no longer. */
async function taken(socket: Socket): Promise<number> {
  const fd = duplicateConnection(socket);
  expect(fd).toBeTypeOf('number');
  const closed = once(socket, 'close');
  socket.destroy();
  await closed;
  return fd!;
}

/** Memory with a pattern at one end of a lane, and missing at the other. */
async function lane() {
  const { near, far } = await connection();
  const source = new Mapping({ sizeBytes: PAGES * pageSize });
  const content = patterned(PAGES);
  new Uint8Array(source.buffer).set(content);
  const greeting = Uint8Array.of(7, 8, 9);
  const answerer = new FaultAnswerer({ fd: await taken(near), greeting, memory: [{ memory: source }] });
  const read = once(far, 'readable');
  far.resume();
  far.pause();
  await read;
  expect([...far.read(greeting.length)]).toEqual([...greeting]);
  return { content, answerer, fd: await taken(far) };
}

describe('a lane of faults', () => {
  test('brings pages to the thread of JavaScript itself, from elsewhere in the other memory', async () => {
    const { content, answerer, fd } = await lane();
    using memory = new Mapping({ sizeBytes: 8 * pageSize });
    using server = PageServer.open([{ memory }]);
    answerer.serve();
    server.askOn(fd, [{ region: 0, firstPage: 5 }]);
    const bytes = new Uint8Array(memory.buffer);
    for (const page of [3, 0]) {
      const there = content.subarray((5 + page) * pageSize, (6 + page) * pageSize);
      expect(Buffer.compare(bytes.subarray(page * pageSize, (page + 1) * pageSize), there)).toBe(0);
    }
    expect(server.takeArrivals()).toEqual(
      [3, 0].map((page) => ({
        region: 0,
        page,
        crc32c: crc32c(content.subarray((5 + page) * pageSize, (6 + page) * pageSize)),
      })),
    );
    expect(server.takeArrivals()).toEqual([]);
    expect(server.stats()).toMatchObject({ lanePages: 2, faultPages: 2, missingPages: 6 });
    expect(answerer).toMatchObject({ pages: 2, bytes: 2 * (pageSize + 32), isLost: false });
    answerer.close();
    answerer.close();
    expect(answerer.isLost).toBe(true);
  });

  test('needs a place for each region, and closes what it does not take', async () => {
    const { answerer, fd } = await lane();
    using memory = new Mapping({ sizeBytes: pageSize });
    using server = PageServer.open([{ memory }]);
    expect(() => server.askOn(fd, [])).toThrow(RangeError);
    expect(() => fstatSync(fd)).toThrow('EBADF');
    answerer.close();
  });

  test('is closed by a server that is closed', async () => {
    const { answerer, fd } = await lane();
    using memory = new Mapping({ sizeBytes: pageSize });
    const server = PageServer.open([{ memory }]);
    server.close();
    server.askOn(fd, [{ region: 0, firstPage: 0 }]);
    expect(() => fstatSync(fd)).toThrow('EBADF');
    answerer.close();
  });
});

describe('duplicateConnection', () => {
  test('finds either end of a connection and no other', async () => {
    const { near, far } = await connection();
    const other = await connection();
    const fds = [near, far].map((socket) => duplicateConnection(socket)!);
    near.destroy();
    far.destroy();
    const inodes = fds.map((fd) => fstatSync(fd).ino);
    expect(new Set(inodes).size).toBe(2);
    const others = [other.near, other.far].map((socket) => duplicateConnection(socket)!);
    for (const fd of others) expect(inodes).not.toContain(fstatSync(fd).ino);
    for (const fd of [...fds, ...others]) closeFd(fd);
    other.near.destroy();
    other.far.destroy();
  });

  test('finds nothing where there is none', () => {
    const ends = { localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.1', remotePort: 2 };
    expect(duplicateConnection(ends)).toBeUndefined();
    expect(duplicateConnection({})).toBeUndefined();
  });
});

import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Transport } from '@stillframe/snapshot';
import { expect, test } from 'vitest';

/** More than the kernel holds for a connection whose other side does not read. */
const LARGE_BYTES = 32 * 2 ** 20;

export interface TransportPair {
  readonly near: Transport;
  /** The other end, which is nobody's. */
  readonly far: Socket;
  /** The other end as a transport, to read all of it. */
  readonly farTransport: () => Transport;
  /** The connection breaks, from the far end. */
  readonly reset: () => void;
}

function pattern(sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let index = 0; index < sizeBytes; index++) bytes[index] = index * 31 + (index >> 12);
  return bytes;
}

async function readAll(transport: Transport, bufferBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const into = new Uint8Array(bufferBytes);
    // oxlint-disable-next-line no-await-in-loop -- in order
    const byteCount = await transport.read(into);
    if (byteCount === 0) return Buffer.concat(parts);
    expect(byteCount).toBeLessThanOrEqual(bufferBytes);
    parts.push(into.subarray(0, byteCount));
  }
}

/** How a promise ended, for those that may end either way. */
async function outcomeOf(promise: Promise<unknown>): Promise<'resolved' | 'rejected'> {
  try {
    await promise;
    return 'resolved';
  } catch {
    return 'rejected';
  }
}

/** What a promise rejects with. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** What `Transport` promises, for every kind of connection. */
export function transportCases(pair: () => Promise<TransportPair>): void {
  test.for([1, 1000, 65_536, 1 << 20])(
    'reads of %i bytes bring everything, in order, then the end',
    async (size) => {
      const { near, far } = await pair();
      const sent = pattern(size === 1 ? 300 : 3 * 2 ** 20 + 13);
      far.end(sent);
      expect((await readAll(near, size)).equals(sent)).toBe(true);
      expect(await near.read(new Uint8Array(1))).toBe(0);
    },
  );

  test('a read waits until something has come', async () => {
    const { near, far } = await pair();
    const into = new Uint8Array(10);
    const reading = near.read(into);
    far.write(Uint8Array.of(1, 2));
    expect(await reading).toBe(2);
    expect([...into.subarray(0, 2)]).toEqual([1, 2]);
  });

  test('writes of many buffers arrive in order, however large', async () => {
    const { near, farTransport } = await pair();
    const parts = [pattern(7), new Uint8Array(0), pattern(LARGE_BYTES), pattern(4096)];
    const received = readAll(farTransport(), 1 << 20);
    await near.write(parts);
    await near.write([]);
    await near.write(Array.from({ length: 3000 }, (_, index) => Uint8Array.of(index)));
    await near.end();
    const tail = Uint8Array.from({ length: 3000 }, (_, index) => index);
    expect((await received).equals(Buffer.concat([...parts, tail]))).toBe(true);
  });

  test('a buffer may be used again when its write has resolved', async () => {
    const { near, farTransport } = await pair();
    const received = readAll(farTransport(), 1 << 20);
    const buffer = pattern(2 ** 20);
    const sent = Buffer.from(buffer);
    await near.write([buffer.subarray(0, 10), buffer.subarray(10)]);
    buffer.fill(0);
    await near.end();
    expect((await received).equals(sent)).toBe(true);
  });

  test('both directions at once', async () => {
    const { near, farTransport } = await pair();
    const far = farTransport();
    const sent = pattern(LARGE_BYTES);
    const both = [near, far].map(async (side) => {
      const received = readAll(side, 1 << 20);
      await side.write([sent]);
      await side.end();
      return await received;
    });
    for (const received of await Promise.all(both)) expect(received.equals(sent)).toBe(true);
  });

  test('a write waits while the other side does not read', async () => {
    const { near, far, farTransport } = await pair();
    far.pause();
    let isTaken = false;
    const writing = near.write([pattern(LARGE_BYTES)]).finally(() => {
      isTaken = true;
    });
    // Something comes the other way: by then the event loop has looked at every socket.
    far.write(Uint8Array.of(1));
    await near.read(new Uint8Array(1));
    expect(isTaken).toBe(false);
    const received = readAll(farTransport(), 1 << 20);
    await writing;
    await near.end();
    expect((await received).byteLength).toBe(LARGE_BYTES);
  });

  test('after end the other direction goes on', async () => {
    const { near, far } = await pair();
    await near.end();
    far.resume();
    await once(far, 'end');
    far.end(Uint8Array.of(5));
    expect([...(await readAll(near, 10))]).toEqual([5]);
  });

  test('after the end of the other side this one goes on', async () => {
    const { near, far, farTransport } = await pair();
    far.end();
    expect(await near.read(new Uint8Array(10))).toBe(0);
    const received = readAll(farTransport(), 10);
    await near.write([Uint8Array.of(6)]);
    await near.end();
    expect([...(await received)]).toEqual([6]);
  });

  test('destroy settles a pending read, and again is once', async () => {
    const { near } = await pair();
    const reading = outcomeOf(near.read(new Uint8Array(10)));
    await near.destroy();
    await near.destroy();
    expect(['resolved', 'rejected']).toContain(await reading);
  });

  test('destroy settles a pending write, which is not called a success', async () => {
    const { near, far } = await pair();
    far.pause();
    const writing = outcomeOf(near.write([pattern(LARGE_BYTES)]));
    await near.destroy();
    expect(await writing).toBe('rejected');
  });

  test('after destroy nothing can be written, and nothing comes', async () => {
    const { near } = await pair();
    await near.destroy();
    expect(await outcomeOf(near.write([Uint8Array.of(1)]))).toBe('rejected');
    expect(await near.read(new Uint8Array(1))).toBe(0);
  });

  test('a peer that resets the connection fails a read that waits', async () => {
    const { near, reset } = await pair();
    const reading = errorOf(near.read(new Uint8Array(10)));
    reset();
    expect(await reading).toMatchObject({ code: 'ECONNRESET' });
    await near.destroy();
  });

  test('a peer that resets the connection fails a write that waits', async () => {
    const { near, far, reset } = await pair();
    far.pause();
    const writing = errorOf(near.write([pattern(LARGE_BYTES)]));
    reset();
    expect(await writing).toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) });
    await near.destroy();
  });
}

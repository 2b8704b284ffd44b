import { afterEach, describe, expect, it } from 'vitest';
import { runClientLoad } from '../../src/kv-service/client-load.ts';
import { KvClient } from '../../src/kv-service/kv-client.ts';
import { KvCommands } from '../../src/kv-service/kv-commands.ts';
import { KvConnections } from '../../src/kv-service/kv-connections.ts';
import { KvServer } from '../../src/kv-service/kv-server.ts';
import { allocateGuestMemory } from '../../src/workloads/guest-memory.ts';
import { kvShape, MIN_KV_BYTES } from '../../src/workloads/kv/kv-state.ts';
import { KvStore } from '../../src/workloads/kv/kv-store.ts';

const host = '127.0.0.1';
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  // oxlint-disable-next-line no-await-in-loop -- the last thing made goes first
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startServer(
  memory = allocateGuestMemory(MIN_KV_BYTES),
  store: 'new' | 'there' = 'new',
  port = 0,
) {
  const server = await KvServer.start({ memory, store, host, port });
  cleanups.push(() => server.stop());
  return server;
}

function clientOf(...ports: readonly number[]): KvClient {
  const client = new KvClient({ endpoints: ports.map((port) => ({ host, port })) });
  cleanups.push(() => client.close());
  return client;
}

describe('a kv server', () => {
  it('answers, once it serves', async () => {
    const server = await startServer();
    const client = clientOf(server.port);
    const waiting = client.set('a', 'hello');
    await server.serve();
    await waiting;
    expect((await client.get('a'))?.toString()).toBe('hello');
    expect(await client.add('n', 3)).toBe(3);
    expect(await client.delete('a')).toBe(true);
    expect(await client.get('a')).toBeUndefined();
  });

  it('at rest does nothing to its memory, and does what came meanwhile afterwards', async () => {
    const memory = allocateGuestMemory(MIN_KV_BYTES);
    const server = await startServer(memory);
    await server.serve();
    const client = clientOf(server.port);
    await client.set('a', '1');
    await server.rest();
    const before = Buffer.from(memory.slice());
    const waiting = client.set('a', '2');
    await server.rest();
    expect(before.equals(memory)).toBe(true);
    await server.serve();
    await waiting;
    expect((await client.get('a'))?.toString()).toBe('2');
  });

  it('says where it moved to, and a client follows it there', async () => {
    const here = allocateGuestMemory(MIN_KV_BYTES);
    const source = await startServer(here);
    await source.serve();
    const client = clientOf(source.port);
    expect(await client.add('n')).toBe(1);
    await source.rest();
    const waiting = client.add('n');
    const there = allocateGuestMemory(MIN_KV_BYTES);
    there.set(here);
    const dest = await startServer(there, 'there');
    await dest.serve();
    await source.depart(`${host}:${dest.port}`);
    expect(await waiting).toBe(2);
    expect(client.counts).toEqual({ connections: 2, moved: 1 });
    expect(source.failure).toBeUndefined();
  });

  it('that dies without a word is looked for at the other endpoints', async () => {
    const memory = allocateGuestMemory(MIN_KV_BYTES);
    const source = await startServer(memory);
    await source.serve();
    const spare = await startServer();
    const sparePort = spare.port;
    await spare.stop();
    const client = clientOf(source.port, sparePort);
    await client.add('n');
    await source.stop();
    const waiting = client.add('n');
    const dest = await startServer(memory, 'there', sparePort);
    await dest.serve();
    expect(await waiting).toBe(2);
  });

  it('gives up a call that nobody answers', async () => {
    const server = await startServer();
    const client = new KvClient({ endpoints: [{ host, port: server.port }], replyMs: 5, giveUpMs: 20 });
    cleanups.push(() => client.close());
    await expect(client.get('a')).rejects.toMatchObject({ code: 'KV_UNREACHABLE' });
  });

  it('gives up soon when somebody waits for the end', async () => {
    const server = await startServer();
    const patient = { endpoints: [{ host, port: server.port }], replyMs: 5, giveUpMs: 3_600_000 };
    const client = new KvClient({ ...patient, signal: AbortSignal.abort() });
    cleanups.push(() => client.close());
    await expect(client.get('a')).rejects.toMatchObject({ code: 'KV_UNREACHABLE' });
  });

  it('refuses what is no store, and an address that is taken', async () => {
    const memory = allocateGuestMemory(MIN_KV_BYTES);
    await expect(startServer(memory, 'there')).rejects.toMatchObject({ code: 'WORKLOAD_START' });
    const { port } = await startServer();
    await expect(startServer(memory, 'new', port)).rejects.toMatchObject({ code: 'WORKLOAD_START' });
  });
});

describe('a client load', () => {
  const load = { clients: 3, ratePerSecond: 0, keys: 5, seconds: 60 };

  /** Runs until `enough` operations were acknowledged. */
  function runUntil(enough: number, ports: readonly number[], onEnough?: () => void) {
    const stop = new AbortController();
    return runClientLoad({
      ...load,
      endpoints: ports.map((port) => ({ host, port })),
      signal: stop.signal,
      onProgress: (acknowledged) => {
        if (acknowledged < enough) return;
        onEnough?.();
        stop.abort();
      },
    });
  }

  it('finds every acknowledged write', async () => {
    const server = await startServer();
    await server.serve();
    const result = await runUntil(100, [server.port]);
    expect(result).toMatchObject({ lost: 0, doubled: 0, firstWrong: '', connections: 3, moved: 0 });
    expect(result.acknowledged).toBeGreaterThanOrEqual(100);
  });

  it('notices a store that went back in time', async () => {
    const memory = allocateGuestMemory(MIN_KV_BYTES);
    const server = await startServer(memory);
    await server.serve();
    const old = memory.slice();
    const result = await runUntil(100, [server.port], () => memory.set(old));
    expect(result.lost).toBeGreaterThan(0);
    expect(result.firstWrong).not.toBe('');
  });

  it('notices a write that was done twice', async () => {
    const commands = new KvCommands(
      KvStore.format(allocateGuestMemory(MIN_KV_BYTES), kvShape(MIN_KV_BYTES).bucketCount),
    );
    // A server that forgets what it did: every sum is added to twice.
    const forgetful = new KvConnections({
      run: ([, , , ...request]) => {
        if (request[0]?.toString() === 'INCRBY') commands.run(request);
        return commands.run(request);
      },
    });
    const port = await forgetful.listen(host, 0);
    cleanups.push(() => forgetful.depart(''));
    forgetful.serve();
    const result = await runUntil(100, [port]);
    expect(result.doubled).toBeGreaterThan(0);
    expect(result.lost).toBe(0);
  });
});

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithUs } from '../child-process.ts';
import type { Writes } from '../load.ts';
import type { Peers } from '../peers.ts';
import { ended, type RedisServer, VALUE_BYTES } from './server.ts';

/** Clients of redis-benchmark. Few: redis-server shares the cores with them and with whoever takes the picture. */
const CLIENTS = 4;
/** Requests that each sends at once. */
const PIPELINE = 4;
/** More than any run lasts; it is ended by us. */
const REQUESTS = 2_000_000_000;
const WARM_UP_MS = 500;

/** What the clients of redis-server felt while something was done to it. */
export interface Felt<T> {
  readonly result: T;
  /** Requests of one client that asks one thing after the other. */
  readonly requests: Writes;
  /** Of all clients. */
  readonly commandsPerSecond: number;
}

/** Runs `work` while nobody but one client asks anything. */
export async function withoutLoad<T>(
  server: RedisServer,
  peers: Peers,
  work: () => Promise<T>,
): Promise<Felt<T>> {
  return await feel(server, peers, work);
}

/** Runs `work` while redis-benchmark overwrites values as fast as it is answered, and a client of its own times each of its requests. */
export async function underLoad<T>(
  server: RedisServer,
  peers: Peers,
  work: () => Promise<T>,
): Promise<Felt<T>> {
  const args = ['-s', server.socket, '-t', 'set', '-r', server.keys, '-d', VALUE_BYTES, '-n', REQUESTS];
  const clients = ['-c', CLIENTS, '-P', PIPELINE, '-q'];
  const load = spawn('redis-benchmark', [...args, ...clients].map(String), { stdio: 'ignore' });
  load.on('error', () => undefined);
  endWithUs(load);
  try {
    await sleep(WARM_UP_MS);
    if (load.exitCode !== null || load.pid === undefined) throw new Error('redis-benchmark did not run');
    return await feel(server, peers, work);
  } finally {
    await ended(load);
  }
}

async function feel<T>(server: RedisServer, peers: Peers, work: () => Promise<T>): Promise<Felt<T>> {
  const probe = await peers.probeRedis(server.socket);
  const before = await commands(server);
  probe.begin();
  const result = await work();
  const requests = await probe.end();
  const after = await commands(server);
  const seconds = (after.atMs - before.atMs) / 1000;
  return { result, requests, commandsPerSecond: (after.count - before.count) / seconds };
}

async function commands({ connection }: RedisServer): Promise<{ count: number; atMs: number }> {
  const count = await connection.info('stats', 'total_commands_processed');
  return { count, atMs: performance.now() };
}

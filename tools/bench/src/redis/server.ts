import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ChildError, endWithUs } from '../child-process.ts';
import type { Peers } from '../peers.ts';
import { RedisConnection } from './connection.ts';

/** As much as the value of a session or a small document. */
export const VALUE_BYTES = 1024;

/** A dump that is squeezed would measure the squeezing. It saves only when it is told. */
const OPTIONS = ['--port', '0', '--save', '', '--appendonly', 'no', '--rdbcompression', 'no'];

/** redis-server with data, and nobody else's. */
export interface RedisServer extends AsyncDisposable {
  readonly pid: number;
  readonly socket: string;
  /** Keys `key:000000000000` and up, as redis-benchmark has them. */
  readonly keys: number;
  readonly connection: RedisConnection;
}

/** Starts redis-server in a folder of its own in `folder`, and fills it with `bytes` of values. */
export async function startRedis(folder: string, bytes: number, peers: Peers): Promise<RedisServer> {
  const home = await mkdtemp(path.join(folder, 'redis-'));
  const socket = path.join(home, 's');
  const child = spawn('redis-server', [...OPTIONS, '--dir', home, '--unixsocket', socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endWithUs(child);
  try {
    await ready(child);
    const keys = Math.floor(bytes / VALUE_BYTES);
    await peers.loadRedis(socket, keys, VALUE_BYTES);
    const connection = await RedisConnection.open(socket);
    const end = async () => {
      connection.close();
      await ended(child);
    };
    return { pid: child.pid!, socket, keys, connection, [Symbol.asyncDispose]: end };
  } catch (error) {
    await ended(child);
    throw error;
  }
}

/** Rejects when it ends before. */
async function ready(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new ChildError('redis-server ended')));
    // Read to the end: what it says later must not fill the pipe.
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (/ready to accept connections/i.test(line)) resolve();
    });
  });
}

/** Ends it, and waits for that: what it leaves behind is removed next. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

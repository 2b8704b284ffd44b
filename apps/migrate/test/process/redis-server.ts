import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { makeFolder } from '../e2e/folder.ts';

export interface RedisServer {
  readonly pid: number;
  readonly socket: string;
}

/** redis-server as Debian has it, on a socket in a folder of its own, with nothing written to disk. It does not outlive its test. */
export async function startRedis(): Promise<RedisServer> {
  const folder = await makeFolder();
  const socket = path.join(folder, 's');
  const args = ['--port', '0', '--save', '', '--appendonly', 'no', '--dir', folder, '--unixsocket', socket];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  endWithTest(child);
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('redis-server ended')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (/ready to accept connections/i.test(line)) resolve();
    });
  });
  return { pid: child.pid!, socket };
}

/** redis-benchmark, which overwrites keys of its own until the test ends. Resolves when the server has answered it. */
export async function startBenchmark(server: RedisServer): Promise<void> {
  const args = ['-s', server.socket, '-t', 'set', '-r', '5000', '-d', '400', '-n', '1000000000', '-c', '4'];
  const child = spawn('redis-benchmark', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  endWithTest(child);
  await once(child.stdout, 'data');
  child.stdout.resume();
}

function endWithTest(child: ChildProcess): void {
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
}

/** A connection that asks one thing after the other. */
export async function openClient(
  server: RedisServer,
): Promise<{ ask: (...words: string[]) => Promise<string> }> {
  const socket: Socket = connect({ path: server.socket });
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return {
    async ask(...words) {
      socket.write(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error('redis-server closed the connection');
      if (value.startsWith('-')) throw new Error(value);
      return value;
    },
  };
}

import { execFile } from 'node:child_process';
import { rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RedisServer } from '../redis/server.ts';

const run = promisify(execFile);

const TIMEOUT_MS = 120_000;

/** gdb's way: the process stands still while it is copied. */
export async function gcore(pid: number, file: string): Promise<{ totalMs: number }> {
  const startMs = performance.now();
  await run('gcore', ['-o', file, String(pid)], { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
  const totalMs = performance.now() - startMs;
  // It adds the number of the process to the name.
  await rename(`${file}.${pid}`, file);
  return { totalMs };
}

export interface SaveFigures {
  readonly totalMs: number;
  /** For how long redis-server stood still to fork. */
  readonly forkMs: number;
  /** What had to be copied because it was written to meanwhile, by redis-server's own account. */
  readonly copiedBytes: number;
}

const LOOK_EVERY_MS = 5;

/** Redis's own way: fork, and the child writes. Its format is another than a core's: only the data, without the heap around it. */
export async function backgroundSave({ connection }: RedisServer): Promise<SaveFigures> {
  const startMs = performance.now();
  await connection.ask('BGSAVE');
  // oxlint-disable-next-line no-await-in-loop -- until it has saved
  while ((await connection.info('persistence', 'rdb_bgsave_in_progress')) !== 0) await sleep(LOOK_EVERY_MS);
  const totalMs = performance.now() - startMs;
  const status = await connection.ask('INFO persistence');
  if (!status.includes('rdb_last_bgsave_status:ok')) throw new Error('BGSAVE failed');
  return {
    totalMs,
    forkMs: (await connection.info('stats', 'latest_fork_usec')) / 1000,
    copiedBytes: await connection.info('persistence', 'rdb_last_cow_size'),
  };
}

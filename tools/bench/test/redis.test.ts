import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MIB } from '../src/benchmark.ts';
import type { Peers } from '../src/peers.ts';
import { backgroundSave, gcore } from '../src/process/peers.ts';
import { underLoad } from '../src/redis/load.ts';
import { startRedis } from '../src/redis/server.ts';
import { bothSides } from './compiled.ts';
import { whyNoRedis } from './redis-programs.ts';

const BYTES = 4 * MIB;

let peers: Peers;
let folder: string;

beforeAll(async () => {
  ({ peers } = await bothSides());
  folder = await mkdtemp('/dev/shm/stillframe-bench-test-');
});
afterAll(() => rm(folder, { recursive: true }));

describe.skipIf(whyNoRedis() !== undefined)('redis-server', () => {
  test('has its data, and ends when it is no longer needed', async () => {
    let pid = 0;
    {
      await using server = await startRedis(folder, BYTES, peers);
      ({ pid } = server);
      expect(await server.connection.ask('DBSIZE')).toBe(String(BYTES / 1024));
      expect(await server.connection.ask('STRLEN key:000000004095')).toBe('1024');
      await expect(server.connection.ask('NONSENSE')).rejects.toThrow(/unknown command/);
      await expect(server.connection.info('stats', 'nonsense')).rejects.toThrow(/nonsense/);
    }
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  test('is pictured by gcore and by itself while clients go on', async () => {
    await using server = await startRedis(folder, BYTES, peers);
    const file = path.join(folder, 'core');
    const stopped = await underLoad(server, peers, () => gcore(server.pid, file));
    expect((await stat(file)).size).toBeGreaterThan(BYTES);
    expect(stopped.commandsPerSecond).toBeGreaterThan(0);
    expect(stopped.requests.longestNs).toBeGreaterThan(0);
    expect(stopped.requests.longestNs / 1e6).toBeLessThan(stopped.result.totalMs);

    const saved = await underLoad(server, peers, () => backgroundSave(server));
    expect(saved.result.forkMs).toBeGreaterThan(0);
    expect(saved.result.copiedBytes).toBeGreaterThan(0);
    expect(saved.result.totalMs).toBeGreaterThan(saved.result.forkMs);
  });
});

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { TestContext } from 'vitest';
import { skip } from './kernel.ts';

const POOL = '/sys/kernel/mm/hugepages/hugepages-2048kB';
const read = (file: string): number => Number(readFileSync(`${POOL}/${file}`, 'utf8'));

/** A name in the kernel's abstract namespace: whoever listens on it may change the pool, and an end by any cause gives it up. */
const LOCK = '\0stillframe-huge-page-tests';

/**
 * Runs `body` with at least `count` free huge pages of 2 MiB, and puts the machine's pool back whatever happens. One at a time on the
 * machine: test files run in parallel, and the pool is the machine's.
 */
export async function withHugePages(
  context: TestContext,
  count: number,
  body: () => Promise<void> | void,
): Promise<void> {
  const release = await lock();
  try {
    await reserve(context, count, body);
  } finally {
    release();
  }
}

async function reserve(context: TestContext, count: number, body: () => Promise<void> | void): Promise<void> {
  let before: number;
  try {
    before = read('nr_hugepages');
    const missing = count - read('free_hugepages');
    if (missing > 0) writeFileSync(`${POOL}/nr_hugepages`, String(before + missing));
  } catch (error) {
    return skip(context, `huge pages of 2 MiB cannot be reserved: ${String(error)}`);
  }
  try {
    if (read('free_hugepages') < count)
      return skip(context, `the kernel reserved no ${count} huge pages of 2 MiB`);
    await body();
  } finally {
    if (read('nr_hugepages') !== before) writeFileSync(`${POOL}/nr_hugepages`, String(before));
  }
}

/** Resolves once this process has the lock, to what gives it up. */
async function lock(): Promise<() => void> {
  const server = createServer();
  // Those who wait are connected: closing their connections tells them.
  const waiting = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => waiting.add(socket.on('error', () => undefined)));
  server.listen({ path: LOCK });
  try {
    await once(server, 'listening');
  } catch {
    const holder = connect({ path: LOCK }).on('error', () => undefined);
    await new Promise((resolve) => {
      holder.once('close', resolve);
    });
    return lock();
  }
  return () => {
    server.close();
    for (const socket of waiting) socket.destroy();
  };
}

import { readFileSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'vitest';

const POOL = '/sys/kernel/mm/hugepages/hugepages-2048kB';
const read = (file: string): number => Number(readFileSync(`${POOL}/${file}`, 'utf8'));

/** Runs `body` with at least `count` free huge pages of 2 MiB, and puts the machine's pool back whatever happens. */
export async function withHugePages(context: TestContext, count: number, body: () => Promise<void> | void): Promise<void> {
  let before: number;
  try {
    before = read('nr_hugepages');
  } catch {
    return skip(context, 'the kernel has no huge pages of 2 MiB');
  }
  const missing = count - read('free_hugepages');
  try {
    if (missing > 0) writeFileSync(`${POOL}/nr_hugepages`, String(before + missing));
    if (read('free_hugepages') < count) return skip(context, `the kernel reserved no ${count} huge pages of 2 MiB`);
    await body();
  } catch (error) {
    if (missing > 0 && error instanceof Error && 'code' in error && error.code === 'EACCES') {
      return skip(context, 'reserving huge pages needs root');
    }
    throw error;
  } finally {
    if (missing > 0 && read('nr_hugepages') !== before) writeFileSync(`${POOL}/nr_hugepages`, String(before));
  }
}

function skip(context: TestContext, reason: string): void {
  console.warn(`skipped: ${context.task.name}: ${reason}`);
  context.skip(reason);
}

import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * Test files that run at once. On two cores also two, where vitest would leave one for itself: most of what takes long here waits, for
 * a link, a peer or a machine. So no test may count on having the machine alone.
 */
const FILES_AT_ONCE_MIN = 2;

export default defineConfig({
  test: {
    maxWorkers: Math.max(FILES_AT_ONCE_MIN, availableParallelism() - 1),
    projects: ['packages/*', 'apps/*', 'tools/*/vitest.config.ts', 'tools/scripts/consumer/vitest.config.ts'],
  },
});

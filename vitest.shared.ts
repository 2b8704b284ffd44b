import { defaultServerConditions } from 'vite';
import type { ViteUserConfig } from 'vitest/config';

/** Workspace packages are tested from source, so no build step comes before a test run. */
export const shared: ViteUserConfig = {
  ssr: { resolve: { conditions: ['@stillframe/source', ...defaultServerConditions] } },
  test: {
    include: ['test/**/*.test.ts'],
    // A thread stuck in a page fault cannot be stopped; a process can.
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
};

import { defineProject, mergeConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';

export default mergeConfig(
  shared,
  // Hooks compile the peers, on whatever cores are free.
  defineProject({
    test: { name: 'bench', globalSetup: ['test/global-setup.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
  }),
);

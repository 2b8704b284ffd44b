import { defineProject, mergeConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';

export default mergeConfig(
  shared,
  // Compiles with sanitizers, on whatever cores are free.
  defineProject({
    test: { name: 'native-build', include: ['test/*.test.mjs'], testTimeout: 120_000, hookTimeout: 120_000 },
  }),
);

import { defineProject, mergeConfig } from 'vitest/config';
import { shared } from '../../vitest.shared.ts';

export default mergeConfig(
  shared,
  defineProject({
    test: {
      name: 'consumer',
      include: ['consumer/**/*.test.ts'],
      // Packs and installs every package: bound by disk, network and npm, not by our code.
      hookTimeout: 300_000,
      testTimeout: 60_000,
    },
  }),
);

import { defineProject, mergeConfig } from 'vitest/config';
import { shared } from '../../../vitest.shared.ts';

/** A project of its own, which `test.mjs` names: it packs and installs what the other projects only import. */
export default mergeConfig(
  shared,
  defineProject({ test: { name: 'consumer', root: import.meta.dirname, include: ['*.test.ts'] } }),
);

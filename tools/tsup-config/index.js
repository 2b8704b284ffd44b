import { defineConfig } from 'tsup';

export const library = (options = {}) =>
  defineConfig({
    entry: ['src/index.ts'],
    format: ['esm', 'cjs'],
    target: 'node20',
    platform: 'node',
    // tsup 8.5 sets baseUrl for its dts pass, which TypeScript 6 reports as an error.
    dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
    sourcemap: true,
    clean: true,
    splitting: false,
    treeshake: true,
    ...options,
  });

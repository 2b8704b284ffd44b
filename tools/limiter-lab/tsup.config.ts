import { library } from '@stillframe/tsup-config';

// `client` is what the report draws with in a browser; `real-run` is a program of its own: every real run has a process to itself.
export default [
  library({
    entry: { main: 'src/main.ts', 'real-run': 'src/real/real-run.ts' },
    format: ['esm'],
    dts: false,
    clean: false,
  }),
  library({
    entry: { client: 'src/report/client/main.ts' },
    format: ['iife'],
    platform: 'browser',
    target: 'es2020',
    minify: true,
    sourcemap: false,
    dts: false,
    clean: false,
    noExternal: [/.*/],
  }),
];

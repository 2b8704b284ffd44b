import { library } from '@stillframe/tsup-config';

// `ours` is a program of its own: every measurement of ours has a process to itself, as the peers have.
export default library({
  entry: { main: 'src/main.ts', ours: 'src/ours/main.ts' },
  format: ['esm'],
  dts: false,
});

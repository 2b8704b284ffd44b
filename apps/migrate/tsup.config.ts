import { library } from '@stillframe/tsup-config';

// The worker threads of the bundled workloads start from a file of their own (src/workloads/worker-file.ts).
export default library({
  entry: { main: 'src/main.ts', 'workload-worker': 'src/workloads/worker-main.ts' },
  format: ['esm'],
  dts: false,
});

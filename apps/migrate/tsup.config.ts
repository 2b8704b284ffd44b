import { library } from '@stillframe/tsup-config';

// The worker threads of the bundled workloads start from a file of their own (src/workloads/worker-file.ts).
export default library({
  entry: {
    main: 'src/main.ts',
    'workload-worker': 'src/workloads/worker-main.ts',
    trace: 'src/trace/index.ts',
  },
  format: ['esm'],
  // tsup 8.5 sets baseUrl for its dts pass, which TypeScript 6 reports as an error.
  dts: { entry: { trace: 'src/trace/index.ts' }, compilerOptions: { ignoreDeprecations: '6.0' } },
});

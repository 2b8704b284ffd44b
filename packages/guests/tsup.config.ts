import { library } from '@stillframe/tsup-config';

export default library({
  // A CommonJS module has no import.meta.url, by which the worker's file is found.
  shims: true,
  entry: {
    memory: 'src/memory.ts',
    process: 'src/process/index.ts',
    qemu: 'src/qemu/index.ts',
    core: 'src/core/index.ts',
    handoff: 'src/handoff/index.ts',
    lazy: 'src/lazy/index.ts',
    'lazy-worker': 'src/lazy/worker-main.ts',
    tracking: 'src/tracking/index.ts',
  },
});

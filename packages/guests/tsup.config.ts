import { library } from '@stillframe/tsup-config';

export default library({
  entry: {
    memory: 'src/memory.ts',
    process: 'src/process/index.ts',
    core: 'src/core/index.ts',
    tracking: 'src/tracking/index.ts',
  },
});

import { library } from '@stillframe/tsup-config';

export default library({ entry: ['src/memory.ts'] });

import { library } from '@stillframe/tsup-config';

export default library({ entry: ['src/index.ts'] });

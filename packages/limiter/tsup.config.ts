import { library } from '@stillframe/tsup-config';

export default library({ entry: ['src/index.ts', 'src/compliance.ts'] });

import { library } from '@stillframe/tsup-config';

export default library({ entry: { index: 'src/index.ts', simulated: 'src/simulated/index.ts' } });

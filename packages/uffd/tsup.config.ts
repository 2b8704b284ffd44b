import { library } from '@stillframe/tsup-config';

export default library({ external: ['#native', '#tracer'] });

import { library } from '@stillframe/tsup-config';

export default library({ entry: ['src/main.ts'], format: ['esm'], dts: false });

export { type CoreLayout, coreLayout, type FileSpan } from './core-layout.ts';
export { type CoreFile, CoreTarget } from './core-target.ts';
export { CoreError, type CoreErrorCode } from './error.ts';
export { decodeProcessState, isProcessStateKind } from '../process/state-decode.ts';
export type * from '../process/state.ts';

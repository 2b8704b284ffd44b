export { FILTER_DEFAULT, type FilterName, filterMask, filterNames } from './dump-filter.ts';
export { ProcessGuestError, type ProcessGuestErrorCode } from './error.ts';
export { decodeProcessState, isProcessStateKind } from './state-decode.ts';
export type * from './state.ts';

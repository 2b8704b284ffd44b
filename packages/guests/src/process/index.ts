export { FILTER_DEFAULT, FILTER_NAMES, type FilterName, filterMask, filterNames } from './dump-filter.ts';
export { ProcessGuestError, type ProcessGuestErrorCode } from './error.ts';
export {
  COPY_MAX_DEFAULT_BYTES,
  type ProcessGuest,
  processGuest,
  type ProcessGuestOptions,
} from './process-guest.ts';
export { decodeProcessState, isProcessStateKind } from './state-decode.ts';
export type * from './state.ts';

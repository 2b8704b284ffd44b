import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../workloads/kv/kv-layout.ts';

/** `DO session number SET key value` has six; redis-benchmark's longest has fewer. */
export const RESP_ARGUMENTS_MAX = 16;
/** The longest thing that can be stored. */
export const RESP_BULK_MAX_BYTES = MAX_VALUE_BYTES;
/** A request is buffered until it is whole; no sender makes us hold more than this for it. */
export const RESP_REQUEST_MAX_BYTES = RESP_BULK_MAX_BYTES + MAX_KEY_BYTES + 1024;
/** Line of a length, a number or an error. */
export const RESP_LINE_MAX_BYTES = 1024;

import type { GuestState } from '@stillframe/snapshot';
import { WASM_PAGE_BYTES } from '../guest-memory.ts';
import { packState, StateCursor } from '../state-cursor.ts';
import { HEADER_BYTES, MAX_LOAD, MAX_STORE_BYTES, UNIT_BYTES } from './kv-layout.ts';
import { MEAN_ENTRY_BYTES } from './kv-load.ts';

export const KV_KIND = 'workload/kv@1';
export const KV_REGION = 'kv';
/** Smaller ones have so few keys that chance alone could fill them. */
export const MIN_KV_BYTES = 16 * WASM_PAGE_BYTES;

/** Part of the memory that is in use on average; slots keep their class, so each class needs room for its own peak. */
const TARGET_USE = 0.5;

/** The state: cut, memory size, operations that filled it (doubles). */
export interface KvState {
  readonly cut: number;
  readonly sizeBytes: number;
  readonly filled: number;
}

export function packKvState(state: KvState): GuestState {
  return { kind: KV_KIND, bytes: packState([state.cut, state.sizeBytes, state.filled]) };
}

/** Throws WORKLOAD_STATE_INVALID. */
export function readKvState(state: GuestState): KvState {
  const cursor = new StateCursor(state.bytes);
  const cut = cursor.integer('cut', 0, Number.MAX_SAFE_INTEGER);
  const sizeBytes = cursor.integer('memory size', MIN_KV_BYTES, MAX_STORE_BYTES);
  const filled = cursor.integer('filled', 0, kvShape(sizeBytes).keyCount);
  cursor.end();
  return { cut, sizeBytes, filled };
}

/** How many keys a load on a memory of this size has, and how many buckets its store. */
export function kvShape(sizeBytes: number): { keyCount: number; bucketCount: number } {
  const entryBytes = MEAN_ENTRY_BYTES + UNIT_BYTES / MAX_LOAD;
  const keyCount = Math.floor(((sizeBytes - HEADER_BYTES) * TARGET_USE) / entryBytes);
  return { keyCount, bucketCount: 2 ** Math.ceil(Math.log2(keyCount / MAX_LOAD)) };
}

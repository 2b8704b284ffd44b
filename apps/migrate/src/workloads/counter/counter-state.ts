import type { GuestState } from '@stillframe/snapshot';
import { WorkloadError } from '../error.ts';
import { GUEST_PAGE_BYTES, MAX_WASM_BYTES } from '../guest-memory.ts';
import { packState, StateCursor } from '../state-cursor.ts';

export const COUNTER_KIND = 'workload/counter@1';
export const COUNTER_REGION = 'counter';

/** The state: cut, page count (doubles), then for each page the number of its last write (a double; 0 for none). */
export interface CounterState {
  readonly cut: number;
  readonly pageCount: number;
  readonly ledger: Float64Array;
}

const HEAD_BYTES = 2 * Float64Array.BYTES_PER_ELEMENT;

export function counterStateBytes(pageCount: number): number {
  return HEAD_BYTES + pageCount * Float64Array.BYTES_PER_ELEMENT;
}

/** Copies the ledger; `into` is of `counterStateBytes`. */
export function packCounterState(cut: number, ledger: Float64Array, into?: Buffer): GuestState {
  const tail = new Uint8Array(ledger.buffer, ledger.byteOffset, ledger.byteLength);
  return { kind: COUNTER_KIND, bytes: packState([cut, ledger.length], tail, into) };
}

/** Throws WORKLOAD_STATE_INVALID. */
export function readCounterState(state: GuestState): CounterState {
  const cursor = new StateCursor(state.bytes);
  const cut = cursor.integer('cut', 0, Number.MAX_SAFE_INTEGER);
  const pageCount = cursor.integer('page count', 1, MAX_WASM_BYTES / GUEST_PAGE_BYTES);
  const packed = cursor.bytes('the ledger', pageCount * Float64Array.BYTES_PER_ELEMENT);
  cursor.end();
  // A copy, because the bytes may lie anywhere and doubles must lie at a multiple of eight.
  const ledger = new Float64Array(packed.slice().buffer);
  for (let page = 0; page < pageCount; page++) {
    const last = ledger[page]!;
    if (!Number.isSafeInteger(last) || last < 0 || last > cut) {
      throw new WorkloadError(
        'WORKLOAD_STATE_INVALID',
        `the ledger says ${last} for page ${page}, the cut is ${cut}`,
        {
          offset: HEAD_BYTES + page * Float64Array.BYTES_PER_ELEMENT,
        },
      );
    }
  }
  return { cut, pageCount, ledger };
}

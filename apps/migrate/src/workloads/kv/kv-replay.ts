import type { VerifyBudget } from '../verify-budget.ts';
import { KvBytes } from './kv-bytes.ts';
import { KvLoad, MAX_LOAD_KEY_BYTES, MAX_LOAD_VALUE_BYTES } from './kv-load.ts';
import { type KvState, kvShape } from './kv-state.ts';
import { KvStore } from './kv-store.ts';

/** About a tenth of a second. */
const OPERATIONS_BETWEEN_BREATHS = 2 ** 16;

export interface KvReplay {
  /** Key index → the operation that put its value, of all keys that are there. */
  readonly expected: Map<number, number>;
  /** Of a store to which the operations were done. */
  readonly memory: Uint8Array;
}

/** Operations 1 to the cut, on a plain Map and on a store of its own; the state's size has been compared with what there is. */
export async function replay(state: KvState, budget: VerifyBudget): Promise<KvReplay> {
  const { keyCount, bucketCount } = kvShape(state.sizeBytes);
  const memory = new Uint8Array(state.sizeBytes);
  const store = KvStore.format(memory, bucketCount);
  const expected = new Map<number, number>();
  const load = new KvLoad(keyCount, state.filled);
  const key = new KvBytes(MAX_LOAD_KEY_BYTES);
  const value = new KvBytes(MAX_LOAD_VALUE_BYTES);
  for (let n = 1; n <= state.cut; n++) {
    // oxlint-disable-next-line no-await-in-loop -- this is where the loop can be ended
    if (n % OPERATIONS_BETWEEN_BREATHS === 0) await budget.breathe();
    load.choose(n);
    if (load.operation === 'get') continue;
    load.writeKey(load.keyIndex, key);
    if (load.operation === 'put') {
      load.writeValue(n, value);
      store.put(key, value);
      expected.set(load.keyIndex, n);
    } else {
      store.delete(key);
      expected.delete(load.keyIndex);
    }
  }
  store.sequence = state.cut;
  return { expected, memory };
}

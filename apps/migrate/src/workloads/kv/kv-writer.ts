import { ControlBlock, type ControlBuffers } from '../control-block.ts';
import { WriterGate } from '../writer-gate.ts';
import { KvBytes } from './kv-bytes.ts';
import { MAX_VALUE_BYTES } from './kv-layout.ts';
import { KvLoad, MAX_LOAD_KEY_BYTES, MAX_LOAD_VALUE_BYTES } from './kv-load.ts';
import { kvShape } from './kv-state.ts';
import { KvStore } from './kv-store.ts';

export interface KvTask {
  readonly role: 'kv-writer';
  readonly control: ControlBuffers;
  /** Zero; the writer formats it. */
  readonly memory: SharedArrayBuffer;
  /** 0 means full speed. */
  readonly ratePerSecond: number;
  /** Keys that are put once before the load begins. */
  readonly filled: number;
}

/** Applies operation 1, 2, 3 … to the store. At rest, exactly the operations counted have been applied. */
export function runKvWriter(task: KvTask): void {
  const { keyCount, bucketCount } = kvShape(task.memory.byteLength);
  const store = KvStore.format(new Uint8Array(task.memory), bucketCount);
  const gate = new WriterGate(new ControlBlock(task.control), 0, task.ratePerSecond);
  const load = new KvLoad(keyCount, task.filled);
  const key = new KvBytes(MAX_LOAD_KEY_BYTES);
  const value = new KvBytes(MAX_LOAD_VALUE_BYTES);
  const found = new KvBytes(MAX_VALUE_BYTES);

  const operate = (n: number): void => {
    load.choose(n);
    load.writeKey(load.keyIndex, key);
    if (load.operation === 'put') load.writeValue(n, value);
    const phase = gate.phaseIndex();
    const startedMs = performance.now();
    if (load.operation === 'put') store.put(key, value);
    else if (load.operation === 'delete') store.delete(key);
    else store.get(key, found);
    store.sequence = n;
    gate.record(phase, startedMs);
    gate.count();
  };

  let n = 1;
  for (; n <= task.filled; n++) {
    if (!gate.pass()) return;
    operate(n);
  }
  gate.ready();
  for (; gate.passPaced(); n++) operate(n);
}

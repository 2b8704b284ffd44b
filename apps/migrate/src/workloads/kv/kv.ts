import { allocateControl, ControlBlock } from '../control-block.ts';
import { allocateGuestMemory, memoryRange } from '../guest-memory.ts';
import { TeamWorkload } from '../team-workload.ts';
import type { Workload } from '../workload.ts';
import { KV_REGION, kvShape, packKvState } from './kv-state.ts';
import type { KvTask } from './kv-writer.ts';

export interface KvOptions {
  readonly size: number;
  /** Operations per second; 0 is full speed. */
  readonly rate: number;
  /** Percent of the keys that are put before the load begins. */
  readonly fill: number;
}

/** A key-value store under load, all of it in one shared memory. */
export function startKv(options: KvOptions): Promise<Workload> {
  const control = allocateControl(1);
  const block = new ControlBlock(control);
  const memory = allocateGuestMemory(options.size);
  const filled = Math.floor((kvShape(options.size).keyCount * options.fill) / 100);
  const task: KvTask = {
    role: 'kv-writer',
    control,
    memory: memory.buffer,
    ratePerSecond: options.rate,
    filled,
  };
  return TeamWorkload.start(block, [task], {
    name: 'kv',
    options: { ...options },
    memory: () => [memoryRange(KV_REGION, memory)],
    saveState: () => packKvState({ cut: block.writes(0)[0]!, sizeBytes: options.size, filled }),
  });
}

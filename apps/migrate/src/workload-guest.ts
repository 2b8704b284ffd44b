import { memoryGuest } from '@stillframe/guests/memory';
import type { Guest } from '@stillframe/snapshot';
import type { Workload } from './workloads/index.ts';

/** A running workload as a guest: its memory is read here and now, because it may have grown since it started. */
export function workloadGuest(workload: Workload, options: { spillDirectory?: string }): Guest {
  return memoryGuest({
    regions: workload.memory.map(({ name, address, sizeBytes, view }) => ({
      name,
      memory: view ?? { address, sizeBytes },
    })),
    pause: () => workload.pause(),
    resume: () => workload.resume(),
    saveState: () => workload.saveState(),
    ...options,
  });
}

import { onTestFinished } from 'vitest';
import {
  parseWorkload,
  startWorkload,
  type Workload,
  type WorkloadImage,
} from '../../src/workloads/index.ts';

/** Starts a workload that ends with the test. */
export async function start(spec: string): Promise<Workload> {
  const workload = await startWorkload(parseWorkload(spec));
  onTestFinished(() => workload.stop());
  return workload;
}

/** Resolves when `count` more writes are done. */
export async function writesDone(workload: Workload, count: number): Promise<void> {
  const target = workload.progress().writes + count;
  while (workload.progress().writes < target) {
    const failure = workload.failure();
    if (failure) throw failure;
    // oxlint-disable-next-line no-await-in-loop -- each turn looks again
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Stops the writers, copies everything, and lets them go on. */
export async function takeImage(workload: Workload): Promise<WorkloadImage> {
  await workload.pause();
  const state = workload.saveState();
  const regions = await workload.copyMemory();
  await workload.resume();
  return { state, regions };
}

/** A copy that a test may damage. */
export function copyImage(image: WorkloadImage): WorkloadImage {
  const regions = new Map([...image.regions].map(([name, bytes]) => [name, new Uint8Array(bytes)]));
  return { state: { kind: image.state.kind, bytes: new Uint8Array(image.state.bytes) }, regions };
}

/** The only region of an image. */
export function memoryOf(image: WorkloadImage): Uint8Array {
  const [memory] = image.regions.values();
  if (!memory) throw new Error('the image has no region');
  return memory;
}

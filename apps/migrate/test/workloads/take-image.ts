import {
  parseWorkload,
  startWorkload,
  type Workload,
  WorkloadError,
  type WorkloadErrorCode,
  type WorkloadImage,
} from '../../src/workloads/index.ts';

/** Runs `use` on a workload, which is stopped afterwards. */
export async function withWorkload<T>(spec: string, use: (workload: Workload) => Promise<T>): Promise<T> {
  const workload = await startWorkload(parseWorkload(spec));
  try {
    return await use(workload);
  } finally {
    await workload.stop();
  }
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

/** An image at rest under load, and another of the same workload `between` writes later. */
export function takeTwoImages(spec: string, between: number): Promise<[WorkloadImage, WorkloadImage]> {
  return withWorkload(spec, async (workload) => {
    await writesDone(workload, between);
    const first = await takeImage(workload);
    await writesDone(workload, between);
    return [first, await takeImage(workload)];
  });
}

/** The code of an error that is one of `allowed`; any other error is thrown on. */
export function codeOf(error: unknown, ...allowed: WorkloadErrorCode[]): WorkloadErrorCode {
  if (error instanceof WorkloadError && allowed.includes(error.code)) return error.code;
  throw error;
}

/* oxlint-disable no-await-in-loop -- samples come one after the other */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestDirt } from './guest-dirt.ts';
import { WorkingSet, type WorkingSetPoint } from './working-set.ts';

export interface MeasureOptions {
  readonly samples: number;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  readonly onSample: (sample: Sample) => void;
  /** Milliseconds; any clock that only goes forward. */
  readonly nowMs?: () => number;
}

/** What was written between two looks. */
export interface Sample {
  readonly elapsedMs: number;
  readonly dirtyPages: number;
  readonly bytesPerSecond: number;
}

export interface RegionDirt {
  readonly name: string;
  /** Each page as often as a look found it written. */
  readonly dirtyBytes: number;
}

export interface Measurement {
  readonly memoryBytes: number;
  readonly elapsedMs: number;
  readonly meanBytesPerSecond: number;
  readonly maxBytesPerSecond: number;
  readonly workingSet: readonly WorkingSetPoint[];
  /** Most written first. */
  readonly regions: readonly RegionDirt[];
}

const PAGE_BYTES = 4096;

/** Looks at a guest at regular times, and sums up what was written. Memory that is written more often than it is looked at counts once a look. */
export async function measureDirt(dirt: GuestDirt, options: MeasureOptions): Promise<Measurement> {
  const { samples, intervalMs, signal, onSample, nowMs = () => performance.now() } = options;
  const set = new WorkingSet(samples, intervalMs);
  const regions = new Map<string, number>();
  const startMs = nowMs();
  let lastMs = startMs;
  let totalPages = 0;
  let maxBytesPerSecond = 0;
  await dirt.collect();
  for (let sample = 0; sample < samples; sample++) {
    const dueMs = startMs + (sample + 1) * intervalMs;
    await sleep(Math.max(0, dueMs - nowMs()), undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
    const runs = await dirt.collect();
    const seenMs = nowMs();
    set.add(sample, runs);
    let dirtyPages = 0;
    for (const { region, pageCount } of runs) {
      dirtyPages += pageCount;
      regions.set(region, (regions.get(region) ?? 0) + pageCount);
    }
    const bytesPerSecond = (dirtyPages * PAGE_BYTES * 1000) / (seenMs - lastMs);
    totalPages += dirtyPages;
    maxBytesPerSecond = Math.max(maxBytesPerSecond, bytesPerSecond);
    onSample({ elapsedMs: seenMs - startMs, dirtyPages, bytesPerSecond });
    lastMs = seenMs;
  }
  const elapsedMs = lastMs - startMs;
  return {
    memoryBytes: dirt.sizeBytes,
    elapsedMs,
    meanBytesPerSecond: (totalPages * PAGE_BYTES * 1000) / elapsedMs,
    maxBytesPerSecond,
    workingSet: set.curve(),
    regions: [...regions]
      .map(([name, pages]) => ({ name, dirtyBytes: pages * PAGE_BYTES }))
      .toSorted((one, other) => other.dirtyBytes - one.dirtyBytes),
  };
}

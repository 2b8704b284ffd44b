import { trackMemory, trackProcess } from '@stillframe/guests/tracking';
import type { ProcessChoice } from '../options/process-options.ts';
import type { Workload } from '../workloads/index.ts';
import type { PageRun } from './page-age.ts';

/** Pages that were written, and what they are part of. */
export interface NamedRun extends PageRun {
  readonly region: string;
}

/** A guest whose writes are tracked. */
export interface GuestDirt {
  /** Memory that is tracked now. */
  readonly sizeBytes: number;
  /** How long the guest stood still to be made ready; 0 when it did not. */
  readonly pauseMs: number;
  readonly kind: 'async' | 'sync';
  /** What was written since the last call. */
  collect(): Promise<NamedRun[]>;
  close(): Promise<void>;
}

const PAGE_BYTES = 4096;

/** A workload of this process. */
export async function workloadDirt(workload: Workload): Promise<GuestDirt> {
  const ranges = workload.memory;
  const tracker = await trackMemory(
    ranges.map(({ address, sizeBytes, view }) => ({ memory: view ?? { address, sizeBytes } })),
  );
  return {
    sizeBytes: ranges.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    pauseMs: 0,
    kind: tracker.kind,
    collect: async () =>
      (await tracker.collect()).map(({ region, firstPage, pageCount }) => {
        const { name, address } = ranges[region]!;
        return { region: name, firstPage: Number(address / BigInt(PAGE_BYTES)) + firstPage, pageCount };
      }),
    close: () => tracker.close(),
  };
}

/** Another process, which knows nothing of it. */
export async function processDirt({ pid, filter, includeDontDump }: ProcessChoice): Promise<GuestDirt> {
  const tracker = await trackProcess({ pid, filter, includeDontDump });
  return {
    get sizeBytes() {
      return tracker.sizeBytes;
    },
    pauseMs: tracker.attachPauseMs,
    kind: 'async',
    collect: async () =>
      (await tracker.collect()).map(({ start, pageCount, pageSize, mapping }) => ({
        region: `${mapping.start.toString(16)} ${mapping.path === '' ? 'anonymous' : mapping.path}`,
        firstPage: Number(start / BigInt(PAGE_BYTES)),
        pageCount: (pageCount * pageSize) / PAGE_BYTES,
      })),
    close: () => tracker.close(),
  };
}

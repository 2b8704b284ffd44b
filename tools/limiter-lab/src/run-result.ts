import type { WaitCounts } from '@stillframe/snapshot';
import type { Timeline } from './timeline.ts';

/** What one run was, simulated or real. */
export interface RunResult {
  /** From the cut until the sink had every page. */
  readonly totalNs: number;
  readonly writes: WriteWaits;
  readonly pages: number;
  readonly faultPages: number;
  readonly sweptPages: number;
  readonly takenPages: number;
  /** Most bytes of captured pages held at a time, spilled ones included. */
  readonly heldBytesMax: number;
  readonly spilledBytesMax: number;
  readonly limiterSteps: number;
  readonly timeline: Timeline;
}

/** Every write of the guest between the cut and the last page. */
export interface WriteWaits {
  /** As `waitBucketIndex` has it. */
  readonly counts: WaitCounts;
  readonly longestNs: number;
  /** All of them together: the time that writers spent in writes. */
  readonly sumNs: number;
}

import type { CaptureSetting } from '../scenario.ts';
import type { Timeline } from '../timeline.ts';

/** One real run, as JSON on the command line of its process. */
export interface RealRequest {
  readonly addon: string;
  readonly workload: string;
  readonly sink: string;
  /** As `limiterFromConfig` takes it. */
  readonly limiter: unknown;
  readonly guestBytes: number;
  readonly capture: CaptureSetting;
}

/** What it prints: a `RunResult` with the histogram as pairs. */
export interface RealFigures {
  readonly totalNs: number;
  readonly longestNs: number;
  readonly sumNs: number;
  readonly counts: readonly (readonly [bucket: number, count: number])[];
  readonly pages: number;
  readonly faultPages: number;
  readonly sweptPages: number;
  readonly takenPages: number;
  readonly heldBytesMax: number;
  readonly spilledBytesMax: number;
  readonly limiterSteps: number;
  readonly timeline: Timeline;
}

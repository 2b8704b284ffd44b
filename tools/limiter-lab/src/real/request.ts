import type { RunResult, WriteWaits } from '../run-result.ts';
import type { CaptureSetting } from '../scenario.ts';

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

/** What it prints: a `RunResult`, its writes flat and their histogram as pairs. */
export interface RealFigures extends Omit<RunResult, 'writes'>, Omit<WriteWaits, 'counts'> {
  readonly counts: readonly (readonly [bucket: number, count: number])[];
}

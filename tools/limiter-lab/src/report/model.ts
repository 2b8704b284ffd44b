import type { Scores } from '../metric.ts';
import type { SeriesName } from '../timeline.ts';

/** Everything the report shows, as plain data: it lies in the page as JSON, and what draws it runs in Node and in the browser. */
export interface ReportModel {
  readonly title: string;
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly contestants: readonly ContestantModel[];
  readonly absent: readonly { readonly policy: string; readonly reason: string }[];
  readonly workloads: readonly Named[];
  readonly sinks: readonly Named[];
  readonly overflows: readonly string[];
  readonly cells: readonly CellModel[];
  /** Runs on real memory beside their simulations. */
  readonly real: readonly RealModel[];
  readonly replay?: ReplayModel;
}

export interface Named {
  readonly name: string;
  readonly summary: string;
}

export interface ContestantModel {
  readonly id: string;
  readonly isInline: boolean;
}

export interface CellModel extends RunModel {
  /** Undefined: inline, the same for all. */
  readonly overflow?: string;
  readonly workload: string;
  readonly sink: string;
  readonly contestant: string;
  readonly scores: Scores;
}

export interface RunModel {
  readonly timeline: TimelineModel;
  /** Ascending waits in µs, and the share of writes that took longer. */
  readonly tail: readonly (readonly [waitUs: number, share: number])[];
  readonly faultPages: number;
  readonly sweptPages: number;
  readonly spilledMiB: number;
}

export interface TimelineModel {
  readonly bucketMs: number;
  readonly series: Readonly<Record<SeriesName, readonly number[]>>;
}

export interface RealModel {
  readonly workload: string;
  readonly sink: string;
  readonly contestant: string;
  readonly real: Scores;
  readonly simulated: Scores;
}

/** A recorded run, and what other policies would have granted on the same observations. */
export interface ReplayModel {
  readonly name: string;
  readonly limiter: string;
  readonly points: readonly ReplayPoint[];
  readonly others: readonly { readonly policy: string; readonly decisions: readonly Decision[] }[];
}

export interface ReplayPoint {
  readonly atMs: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly sinkMs: number;
  readonly drainMBps: number;
  readonly heldMiB: number;
  readonly pagesLeft: number;
  readonly grant: Decision;
}

export interface Decision {
  readonly pages: number;
  /** How long after the observation the grant begins; 0: at once. */
  readonly waitMs: number;
  readonly reason: string;
}

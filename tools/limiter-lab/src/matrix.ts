import { type Contestant, contestants } from './policies.ts';
import { captureSetting, type Scenario, type StoreMode } from './scenario.ts';
import type { Scores } from './metric.ts';
import { scoresOf } from './score.ts';
import { SINK_SHAPES } from './sink-shape.ts';
import { simulate } from './sim/simulate.ts';
import type { RunResult } from './run-result.ts';
import { WORKLOADS } from './workload.ts';

/** One run of the matrix. */
export interface Cell {
  /** How the store of the contestants with one overflows. */
  readonly overflow: Overflow;
  readonly workload: string;
  readonly sink: string;
  readonly contestant: string;
  readonly scores: Scores;
  readonly run: RunResult;
}

export type Overflow = Exclude<StoreMode, 'inline'>;

export interface MatrixOptions {
  readonly guestBytes: number;
  readonly preImagesMaxBytes: number;
  readonly overflows: readonly Overflow[];
  readonly seed: number;
  readonly workloads?: readonly string[];
  readonly sinks?: readonly string[];
  readonly progress?: (done: number, all: number, what: string) => void;
}

/** `workload/sink`, as scenarios are called. */
export function scenarioName({ workload, sink }: Pick<Cell, 'workload' | 'sink'>): string {
  return `${workload}/${sink}`;
}

/** Simulates every combination. The base line runs once for each scenario and stands in all overflow modes. */
export function simulateMatrix(options: MatrixOptions): Cell[] {
  const scenarios = scenariosOf(options);
  const cells: Cell[] = [];
  const inline = new Map<string, RunResult>();
  const jobs = options.overflows.flatMap((overflow) =>
    scenarios.flatMap((scenario) =>
      contestants(overflow).taking.map((contestant) => ({ overflow, scenario, contestant })),
    ),
  );
  for (const [index, { overflow, scenario, contestant }] of jobs.entries()) {
    const workload = scenario.workload.name;
    const sink = scenario.sink.name;
    const key = `${workload}/${sink}/${contestant.id}`;
    options.progress?.(index + 1, jobs.length, `${key} (${overflow})`);
    const run = inline.get(key) ?? runOne(options, scenario, contestant);
    if (contestant.store === 'inline') inline.set(key, run);
    cells.push({ overflow, workload, sink, contestant: contestant.id, scores: scoresOf(run), run });
  }
  return cells;
}

export function scenariosOf({
  guestBytes,
  workloads,
  sinks,
}: Pick<MatrixOptions, 'guestBytes' | 'workloads' | 'sinks'>): Scenario[] {
  return WORKLOADS.filter(({ name }) => workloads?.includes(name) ?? true).flatMap((workload) =>
    SINK_SHAPES.filter(({ name }) => sinks?.includes(name) ?? true).map((sink) => ({
      workload,
      sink,
      guestBytes,
    })),
  );
}

function runOne(
  { preImagesMaxBytes, seed }: MatrixOptions,
  scenario: Scenario,
  { limiter, store }: Contestant,
): RunResult {
  return simulate({ ...scenario, limiter, capture: captureSetting(store, preImagesMaxBytes), seed });
}

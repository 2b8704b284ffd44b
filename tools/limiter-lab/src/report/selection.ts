import { type Metric, METRIC_NAMES } from '../metric.ts';
import { type Weights, WEIGHTS } from '../rank.ts';
import { BASE_ID } from '../base-line.ts';
import type { CellModel, ReportModel } from './model.ts';

/** What the reader looks at. */
export interface Selection {
  readonly overflow: string;
  readonly metric: Metric;
  readonly workload: string;
  readonly sink: string;
  /** Two runs side by side. */
  readonly contestant: string;
  readonly versus: string;
  readonly weights: Weights;
}

function named(list: readonly { name: string }[], wish: string): string {
  return (list.find(({ name }) => name === wish) ?? list[0])?.name ?? '';
}

/** The question that the project began with: what a sink that stands still does to writers. */
export function firstSelection(model: ReportModel): Selection {
  const other = model.contestants.find(({ isInline }) => !isInline)?.id ?? BASE_ID;
  return {
    overflow: model.overflows[0] ?? '',
    metric: METRIC_NAMES[0]!,
    workload: named(model.workloads, 'steady'),
    sink: named(model.sinks, 'stalling'),
    contestant: other,
    versus: BASE_ID,
    weights: WEIGHTS,
  };
}

/** The cells of one overflow mode, the inline ones included. */
export function cellsOf(model: ReportModel, overflow: string): CellModel[] {
  return model.cells.filter((cell) => cell.overflow === undefined || cell.overflow === overflow);
}

export function findCell(
  cells: readonly CellModel[],
  workload: string,
  sink: string,
  contestant: string,
): CellModel | undefined {
  return cells.find(
    (cell) => cell.workload === workload && cell.sink === sink && cell.contestant === contestant,
  );
}

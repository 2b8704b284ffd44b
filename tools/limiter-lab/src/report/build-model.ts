import type { Cell } from '../matrix.ts';
import { type Absent, type Contestant } from '../policies.ts';
import { SINK_SHAPES } from '../sink-shape.ts';
import { WORKLOADS } from '../workload.ts';
import type { CellModel, Named, RealModel, ReplayModel, ReportModel } from './model.ts';
import { runModel } from './run-model.ts';

export interface ModelParts {
  readonly title: string;
  readonly settings: ReportModel['settings'];
  readonly cells: readonly Cell[];
  readonly contestants: readonly Contestant[];
  readonly absent: readonly Absent[];
  readonly real?: readonly RealModel[];
  readonly replay?: ReplayModel;
}

export function buildModel({
  title,
  settings,
  cells,
  contestants,
  absent,
  real = [],
  replay,
}: ModelParts): ReportModel {
  const inline = new Set(contestants.filter(({ store }) => store === 'inline').map(({ id }) => id));
  const overflows = [...new Set(cells.map(({ overflow }) => overflow))];
  // The base line is the same whatever the store does: it has none.
  const shown = cells.filter(
    ({ overflow, contestant }) => overflow === overflows[0] || !inline.has(contestant),
  );
  return {
    title,
    settings,
    contestants: contestants.map(({ id, store }) => ({ id, isInline: store === 'inline' })),
    absent,
    workloads: present(WORKLOADS, new Set(cells.map(({ workload }) => workload))),
    sinks: present(SINK_SHAPES, new Set(cells.map(({ sink }) => sink))),
    overflows,
    cells: shown.map((cell) => cellModel(cell, inline.has(cell.contestant))),
    real,
    ...(replay === undefined ? {} : { replay }),
  };
}

function cellModel(
  { overflow, workload, sink, contestant, scores, run }: Cell,
  isInline: boolean,
): CellModel {
  const where = isInline ? {} : { overflow };
  return { ...where, workload, sink, contestant, scores, ...runModel(run) };
}

function present(all: readonly Named[], names: ReadonlySet<string>): Named[] {
  return all.filter(({ name }) => names.has(name)).map(({ name, summary }) => ({ name, summary }));
}

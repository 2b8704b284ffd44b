import { BASE_ID } from '../base-line.ts';
import { METRICS, ratio } from '../metric.ts';
import { escapeText, figure, times } from './markup.ts';
import type { CellModel, ReportModel } from './model.ts';
import { cellsOf, findCell, type Selection } from './selection.ts';

/** Bounds of the colours, as multiples of the base line; the class of a cell is the number of bounds below it. */
const BOUNDS = [1 / 50, 1 / 10, 1 / 3, 1 / 1.25, 1.25, 3, 10, 50] as const;
const CLASS_NAMES = [
  '≤ 1/50',
  '1/10',
  '1/3',
  'better',
  'the same',
  'worse',
  '3 ×',
  '10 ×',
  '≥ 50 ×',
] as const;

/** Every cell of the matrix in one metric: the value, and how many times the base line's it is. */
export function heatMap(model: ReportModel, selection: Selection): string {
  const cells = cellsOf(model, selection.overflow);
  const { title, unit, what } = METRICS[selection.metric];
  const groups = model.workloads.map(
    ({ name, summary }) =>
      `<th scope="colgroup" colspan="${model.sinks.length}" title="${escapeText(summary)}">${escapeText(name)}</th>`,
  );
  const sinks = model.workloads.flatMap(() =>
    model.sinks.map(
      ({ name, summary }) =>
        `<th scope="col" class="sink" title="${escapeText(summary)}">${escapeText(name)}</th>`,
    ),
  );
  const rows = model.contestants.map(({ id, isInline }) => {
    const values = model.workloads.flatMap((workload) =>
      model.sinks.map((sink) => cell(cells, workload.name, sink.name, id, selection)),
    );
    const note = id === BASE_ID ? '<small>base line</small>' : isInline ? '<small>page by page</small>' : '';
    return `<tr><th scope="row">${escapeText(id)}${note}</th>${values.join('')}</tr>`;
  });
  return `<p class="legend" aria-label="colours">${legend()}</p>
<div class="scroll"><table class="heat"><caption>${title}, ${unit}: ${what}. Below each value: as a multiple of the base line’s. A click shows the run.</caption>
<colgroup><col class="policy"><col span="${model.workloads.length * model.sinks.length}"></colgroup><thead><tr><th rowspan="2" scope="col">Policy</th>${groups.join('')}</tr><tr>${sinks.join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

function cell(
  cells: readonly CellModel[],
  workload: string,
  sink: string,
  contestant: string,
  selection: Selection,
): string {
  const own = findCell(cells, workload, sink, contestant);
  if (own === undefined) return '<td>–</td>';
  const { metric } = selection;
  const base = findCell(cells, workload, sink, BASE_ID);
  const value = own.scores[metric];
  const multiple = base === undefined ? Number.NaN : value / base.scores[metric];
  // The colour leaves out differences that are nobody's concern, the number does not.
  const heat = base === undefined ? 4 : heatClass(ratio(metric, value, base.scores[metric]));
  const pressed =
    workload === selection.workload && sink === selection.sink && contestant === selection.contestant;
  const label = `${contestant}, ${workload}, ${sink}: ${figure(value)} ${METRICS[metric].unit}, ${times(multiple)} of the base line`;
  return `<td class="heat${heat}"><button type="button" aria-pressed="${pressed}" aria-label="${escapeText(label)}" data-cell="${escapeText(`${workload}/${sink}/${contestant}`)}">${figure(value)}<small>${contestant === BASE_ID ? '1' : times(multiple)}</small></button></td>`;
}

function heatClass(multiple: number): number {
  return BOUNDS.filter((bound) => multiple > bound).length;
}

function legend(): string {
  return CLASS_NAMES.map((name, index) => `<span class="swatch heat${index}">${name}</span>`).join('');
}

import { GOALS, judge, type GoalVerdict } from '../goals.ts';
import { METRIC_NAMES, METRICS } from '../metric.ts';
import { rank, type Ranked } from '../rank.ts';
import { escapeText, times } from './markup.ts';
import type { CellModel, ReportModel } from './model.ts';
import { cellsOf, type Selection } from './selection.ts';

/** Composite ranking, Pareto front and goals, in one table. */
export function rankingTable(model: ReportModel, selection: Selection): string {
  const cells = located(cellsOf(model, selection.overflow));
  const verdicts = new Map(judge(cells).map((verdict) => [verdict.contestant, verdict]));
  const rows = rank(cells, selection.weights).map((ranked, index) =>
    row(ranked, index + 1, verdicts.get(ranked.contestant), selection),
  );
  const reached = [...verdicts.values()].filter((verdict) => verdict.reached);
  const said =
    reached.length === 0
      ? 'No policy reaches all goals in every scenario.'
      : `All goals are reached by ${reached.map(({ contestant }) => contestant).join(', ')}.`;
  const factors = METRIC_NAMES.map(
    (name) => `<th scope="col" title="${escapeText(METRICS[name].what)}">${METRICS[name].title}</th>`,
  ).join('');
  return `<p><b>${escapeText(said)}</b></p><div class="scroll"><table class="ranking">
<thead>
<tr><th rowspan="2" scope="col">#</th><th rowspan="2" scope="col">Policy</th><th rowspan="2" scope="col">Composite</th>
<th colspan="${METRIC_NAMES.length}" scope="colgroup">times the best of each scenario, geometric mean</th>
<th rowspan="2" scope="col">Pareto</th><th colspan="3" scope="colgroup">goals, worst scenario</th></tr>
<tr>${factors}<th scope="col">longest, stalling sink<small>≤ 1/${1 / GOALS.longestShare} of base</small></th><th scope="col">p99, slow sink<small>≤ 1/${Math.round(1 / GOALS.p99Share)} of base</small></th><th scope="col">total time<small>≤ ${GOALS.totalRatio} × none</small></th></tr>
</thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

export function located(cells: readonly CellModel[]) {
  return cells.map(({ workload, sink, contestant, scores }) => ({
    scenario: `${workload}/${sink}`,
    sink,
    contestant,
    scores,
  }));
}

const BAR_FULL = 8;

function row(
  { contestant, composite, factors, isPareto }: Ranked,
  place: number,
  verdict: GoalVerdict | undefined,
  selection: Selection,
): string {
  // A bar as long as the logarithm: twice as bad is as far from good as four times is from twice.
  const width = Math.min(100, (Math.log2(Math.max(1, composite)) / Math.log2(BAR_FULL)) * 100);
  const cells = METRIC_NAMES.map((metric) => `<td class="number">${factors[metric].toFixed(2)}</td>`).join(
    '',
  );
  const chosen = contestant === selection.contestant || contestant === selection.versus;
  return `<tr${chosen ? ' class="chosen"' : ''}><td class="number">${place}</td><th scope="row"><button type="button" data-contestant="${escapeText(contestant)}">${escapeText(contestant)}</button></th>
<td class="number bar"><span style="width:${width.toFixed(1)}%"></span><b>${composite.toFixed(2)}</b></td>${cells}
<td>${isPareto ? '<span class="mark good">● front</span>' : '<span class="mark">–</span>'}</td>${goalCells(verdict)}</tr>`;
}

function goalCells(verdict: GoalVerdict | undefined): string {
  if (verdict === undefined) return '<td>–</td><td>–</td><td>–</td>';
  const { longestShare, p99Share, totalRatio } = verdict;
  return [
    goal(longestShare, GOALS.longestShare),
    goal(p99Share, GOALS.p99Share),
    goal(totalRatio, GOALS.totalRatio),
  ].join('');
}

function goal(value: number, limit: number): string {
  if (Number.isNaN(value)) return '<td class="number">–</td>';
  const reached = value <= limit;
  const said = reached ? 'reached' : 'missed';
  return `<td class="number"><span class="mark ${reached ? 'good' : 'bad'}" title="${said}">${reached ? '✓' : '✗'} ${times(value)}</span></td>`;
}

import { scaleLog } from 'd3-scale';
import { curveStepAfter, line } from 'd3-shape';
import { escapeText } from './markup.ts';
import type { CellModel, ReportModel } from './model.ts';
import {
  axisBottom,
  axisLeft,
  decades,
  duration,
  type Frame,
  innerBottom,
  innerRight,
  round,
  svg,
} from './plot.ts';
import { cellsOf, type Selection } from './selection.ts';

const FRAME: Frame = { width: 1140, height: 400, top: 26, right: 226, bottom: 42, left: 74 };
const LEAST_SHARE = 1e-6;
const LEAST_US = 0.03;

/** The distribution of waits of every policy in one scenario, from its far end: how many writes took longer than that. */
export function tails(model: ReportModel, selection: Selection): string {
  const cells = cellsOf(model, selection.overflow).filter(
    ({ workload, sink }) => workload === selection.workload && sink === selection.sink,
  );
  const mostUs = Math.max(1, ...cells.map(({ tail }) => tail.at(-1)?.[0] ?? 0));
  const x = scaleLog([LEAST_US, mostUs * 1.2], [FRAME.left, innerRight(FRAME)]);
  const y = scaleLog([LEAST_SHARE, 1], [innerBottom(FRAME), FRAME.top]);
  // The chosen two are drawn last, on top.
  const order = cells.toSorted((a, b) => emphasis(a, selection) - emphasis(b, selection));
  const curve = line<readonly [number, number]>()
    .x(([us]) => round(x(Math.max(LEAST_US, us))))
    .y(([, share]) => round(y(Math.max(LEAST_SHARE, share))))
    .curve(curveStepAfter);
  const paths = order.map((cell) => {
    const path = curve([[LEAST_US, 1], ...cell.tail]) ?? '';
    return `<path class="tail ${classOf(cell, selection)}" d="${path}"><title>${escapeText(cell.contestant)}</title></path>`;
  });
  const axes =
    axisBottom(FRAME, x, 'a write took longer than', {
      count: 8,
      ticks: decades(LEAST_US, mostUs * 1.2),
      format: duration,
    }) +
    axisLeft(FRAME, y, 'share of all writes', {
      count: 6,
      ticks: decades(LEAST_SHARE, 1),
      format: (share) => (share >= 0.01 ? `${share * 100} %` : `1 in ${inverse(share)}`),
    });
  const label = `Waits of writers, ${selection.workload}, ${selection.sink}: the share of writes that took longer than a time, by policy`;
  return svg(FRAME, label, axes + paths.join('') + labels(cells, selection));
}

function inverse(share: number): string {
  const power = Math.round(-Math.log10(share));
  return power >= 6 ? `${10 ** (power - 6)} M` : power >= 3 ? `${10 ** (power - 3)} k` : String(10 ** power);
}

function emphasis({ contestant }: CellModel, selection: Selection): number {
  if (contestant === selection.contestant) return 2;
  return contestant === selection.versus ? 1 : 0;
}

function classOf(cell: CellModel, selection: Selection): string {
  return ['other', 'versus', 'first'][emphasis(cell, selection)]!;
}

/** From the longest to the shortest of the longest waits, beside the plot. */
function labels(cells: readonly CellModel[], selection: Selection): string {
  const sorted = cells.toSorted((a, b) => b.scores.longestMs - a.scores.longestMs);
  const step = Math.min(18, (innerBottom(FRAME) - FRAME.top) / Math.max(1, sorted.length));
  return sorted
    .map((cell, index) => {
      const y = round(FRAME.top + 8 + index * step);
      const text = `${cell.contestant}  ${duration(cell.scores.longestMs * 1e3)}`;
      return `<text class="label ${classOf(cell, selection)}" x="${innerRight(FRAME) + 12}" y="${y}">${escapeText(text)}</text>`;
    })
    .join('');
}

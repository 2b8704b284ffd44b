import { scaleLinear, scaleLog } from 'd3-scale';
import { area, curveStepAfter, line } from 'd3-shape';
import type { SeriesName } from '../timeline.ts';
import { escapeText, figure } from './markup.ts';
import type { CellModel, ReportModel, TimelineModel } from './model.ts';
import {
  axisBottom,
  axisLeft,
  decades,
  duration,
  type Frame,
  innerBottom,
  innerRight,
  round,
  type Scale,
  svg,
} from './plot.ts';
import { cellsOf, findCell, type Selection } from './selection.ts';

const FRAME: Frame = { width: 560, height: 150, top: 24, right: 12, bottom: 22, left: 62 };
const LAST_FRAME: Frame = { ...FRAME, height: 166, bottom: 38 };
const MIB = 2 ** 20;

/** Two runs of one scenario side by side, on the same scales. */
export function timelines(model: ReportModel, selection: Selection): string {
  const cells = cellsOf(model, selection.overflow);
  const runs = [selection.contestant, selection.versus].map((id) =>
    findCell(cells, selection.workload, selection.sink, id),
  );
  const shown = runs.filter((run) => run !== undefined);
  const columns = shown.map((run) => column(run, shown));
  return `<div class="columns">${columns.join('')}</div>${KEY}`;
}

const KEY = `<p class="legend"><span class="key held">the limiter holds the sweep</span><span class="key stall">stall of a writer</span><span class="key store">store</span><span class="key spill">spilled</span><span class="key swept">swept</span><span class="key faulted">because of a fault</span><span class="key sink">sink</span></p>`;

interface Panel {
  readonly title: string;
  readonly draw: (timeline: TimelineModel, x: Scale, all: readonly CellModel[], frame: Frame) => string;
}

const PANELS: readonly Panel[] = [
  { title: 'Longest stall', draw: stallPanel },
  { title: 'Store, MiB', draw: storePanel },
  { title: 'Captured, pages/s', draw: pagesPanel },
  { title: 'Sink, MB/s', draw: sinkPanel },
];

function column(run: CellModel, all: readonly CellModel[]): string {
  const endMs = Math.max(...all.map(({ timeline }) => timeline.bucketMs * timeline.series.stallNs.length));
  const { scores, timeline, contestant } = run;
  const panels = PANELS.map(({ title, draw }, index) => {
    const frame = index === PANELS.length - 1 ? LAST_FRAME : FRAME;
    const x = scaleLinear([0, endMs], [frame.left, innerRight(frame)]);
    const axis = axisBottom(frame, x, index === PANELS.length - 1 ? 'ms since the cut' : '', {
      count: 6,
      format: figure,
    });
    const body = heldBands(timeline, x, frame) + axis + draw(timeline, x, all, frame);
    return svg(frame, `${title} over time, ${contestant}`, body);
  });
  const numbers = `longest ${duration(scores.longestMs * 1e3)} · p99 ${duration(scores.p99Us)} · total ${duration(scores.totalMs * 1e3)} · ${figure(run.faultPages)} pages by fault, ${figure(run.sweptPages)} swept · held ${figure(scores.heldMiB)} MiB, spilled ${figure(run.spilledMiB)} MiB`;
  return `<figure><figcaption><b>${escapeText(contestant)}</b> ${escapeText(`${run.workload}, ${run.sink}`)}<br><span class="dim">${numbers}</span></figcaption>${panels.join('')}</figure>`;
}

/** Where the limiter let nothing be swept; the more of the time, the darker. */
function heldBands({ bucketMs, series }: TimelineModel, x: Scale, frame: Frame): string {
  return series.heldBackNs
    .map((heldNs, index) => {
      const share = Math.min(1, heldNs / (bucketMs * 1e6));
      if (share < 0.02) return '';
      const left = x(index * bucketMs);
      const width = x((index + 1) * bucketMs) - left;
      return `<rect class="held" x="${round(left)}" y="${frame.top}" width="${round(width)}" height="${innerBottom(frame) - frame.top}" opacity="${(0.1 + 0.25 * share).toFixed(2)}"/>`;
    })
    .join('');
}

const LEAST_STALL_US = 10;

function stallPanel(timeline: TimelineModel, x: Scale, all: readonly CellModel[], frame: Frame): string {
  const mostUs = Math.max(LEAST_STALL_US * 10, ...all.map((run) => maxOf(run, 'stallNs') / 1e3));
  const y = scaleLog([LEAST_STALL_US, mostUs * 1.3], [innerBottom(frame), frame.top]);
  const axis = axisLeft(frame, y, 'Longest stall', {
    count: 4,
    ticks: decades(LEAST_STALL_US, mostUs * 1.3),
    format: duration,
  });
  const width = Math.max(1, x(timeline.bucketMs) - x(0) - 0.5);
  const bars = timeline.series.stallNs.map((ns, index) => {
    if (ns / 1e3 <= LEAST_STALL_US) return '';
    const top = y(ns / 1e3);
    return `<rect class="stall" x="${round(x(index * timeline.bucketMs))}" y="${round(top)}" width="${round(width)}" height="${round(innerBottom(frame) - top)}"><title>${duration(ns / 1e3)}</title></rect>`;
  });
  return axis + bars.join('');
}

function storePanel(timeline: TimelineModel, x: Scale, all: readonly CellModel[], frame: Frame): string {
  const most = Math.max(1, ...all.map((run) => maxOf(run, 'heldBytes') / MIB));
  const y = scaleLinear([0, most * 1.05], [innerBottom(frame), frame.top]);
  const scaled = (name: SeriesName): number[] => carried(timeline.series[name]).map((bytes) => bytes / MIB);
  return (
    axisLeft(frame, y, 'Store, MiB', { count: 3, format: figure }) +
    filled('store', scaled('heldBytes'), timeline, x, y) +
    filled('spill', scaled('spilledBytes'), timeline, x, y)
  );
}

function pagesPanel(timeline: TimelineModel, x: Scale, all: readonly CellModel[], frame: Frame): string {
  const most = Math.max(1, ...all.map((run) => Math.max(...pageRates(run.timeline).both)));
  const y = scaleLinear([0, most * 1.05], [innerBottom(frame), frame.top]);
  const { swept, both } = pageRates(timeline);
  return (
    axisLeft(frame, y, 'Captured, pages/s', { count: 3, format: short }) +
    filled('faulted', both, timeline, x, y) +
    filled('swept', swept, timeline, x, y)
  );
}

/** Pages a second: swept, and on top of them those of faults. */
function pageRates({ series, bucketMs }: TimelineModel): { swept: number[]; both: number[] } {
  const swept = series.sweptPages.map((pages) => (pages * 1e3) / bucketMs);
  const both = swept.map((pages, i) => pages + ((series.faultPages[i] ?? 0) * 1e3) / bucketMs);
  return { swept, both };
}

function sinkPanel(timeline: TimelineModel, x: Scale, all: readonly CellModel[], frame: Frame): string {
  const most = Math.max(1, ...all.map((run) => Math.max(...sinkRates(run.timeline))));
  const y = scaleLinear([0, most * 1.05], [innerBottom(frame), frame.top]);
  const axis = axisLeft(frame, y, 'Sink, MB/s', { count: 3, format: short });
  return axis + filled('sink', sinkRates(timeline), timeline, x, y);
}

/** MB/s. */
function sinkRates({ series, bucketMs }: TimelineModel): number[] {
  return series.takenBytes.map((bytes) => bytes / 1e3 / bucketMs);
}

function filled(
  name: string,
  values: readonly number[],
  { bucketMs }: TimelineModel,
  x: Scale,
  y: Scale,
): string {
  const points = [...values, values.at(-1) ?? 0].map((value, index) => [index * bucketMs, value] as const);
  const shape = area<readonly [number, number]>()
    .x(([ms]) => round(x(ms)))
    .y0(round(y(0)))
    .y1(([, value]) => round(y(value)))
    .curve(curveStepAfter)(points);
  const edge = line<readonly [number, number]>()
    .x(([ms]) => round(x(ms)))
    .y(([, value]) => round(y(value)))
    .curve(curveStepAfter)(points);
  return `<path class="area ${name}" d="${shape ?? ''}"/><path class="edge ${name}" d="${edge ?? ''}"/>`;
}

/** A level is told when something happens; until then it is what it was. */
function carried(values: readonly number[]): number[] {
  let last = 0;
  return values.map((value) => {
    if (value > 0) last = value;
    return last;
  });
}

function maxOf({ timeline }: CellModel, name: SeriesName): number {
  return Math.max(...timeline.series[name]);
}

function short(value: number): string {
  if (value >= 1e6) return `${figure(value / 1e6)} M`;
  return value >= 1e4 ? `${figure(value / 1e3)} k` : figure(value);
}

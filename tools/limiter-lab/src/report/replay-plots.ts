import { scaleLinear, scaleLog } from 'd3-scale';
import { curveStepAfter, line } from 'd3-shape';
import { escapeText, figure } from './markup.ts';
import type { Decision, ReplayModel, ReplayPoint } from './model.ts';
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

const LABEL_WIDTH = 190;
/** As wide as the lanes below, so that a time is at one place in all of them. */
const FRAME: Frame = { width: 1140, height: 130, top: 24, right: 16, bottom: 20, left: LABEL_WIDTH };
const LANE_HEIGHT = 16;

/** What a recorded run saw, and below it what each policy decided, or would have decided, on the same observations. */
export function replayPlots({ name, limiter, points, others }: ReplayModel): string {
  const endMs = Math.max(1, points.at(-1)?.atMs ?? 0);
  const x = scaleLinear([0, endMs], [FRAME.left, innerRight(FRAME)]);
  const panels = [
    levels('Fault waits: longest and p99', points, x, [
      ['first', ({ maxUs }) => maxUs],
      ['versus', ({ p99Us }) => p99Us],
    ]),
    linear('Store, MiB', points, x, ({ heldMiB }) => heldMiB),
    linear('Sink, MB/s', points, x, ({ drainMBps }) => drainMBps),
    linear('Longest write of the sink, ms', points, x, ({ sinkMs }) => sinkMs),
  ];
  const recorded = { policy: `${limiter} (recorded)`, decisions: points.map(({ grant }) => grant) };
  return `<p><b>${escapeText(name)}</b>, ${points.length} decisions.</p>
<p class="note"><b>Open loop.</b> The other policies are shown the observations of this run. In a run of their own they would have changed what comes next; this shows what they say, not what would have happened.</p>
${panels.join('')}${lanes([recorded, ...others], points, endMs)}
<p class="legend"><span class="key go">sweep allowed</span><span class="key wait">held back</span></p>`;
}

type Value = (point: ReplayPoint) => number;

function levels(
  title: string,
  points: readonly ReplayPoint[],
  x: Scale,
  shown: readonly [string, Value][],
): string {
  const values = shown.flatMap(([, value]) => points.map(value));
  const most = Math.max(100, ...values);
  const y = scaleLog([1, most * 1.3], [innerBottom(FRAME), FRAME.top]);
  const curves = shown.map(([kind, value]) =>
    curve(kind, points, x, y, (point) => Math.max(1, value(point))),
  );
  return svg(
    FRAME,
    title,
    axisBottom(FRAME, x, '', { count: 8, format: figure }) +
      axisLeft(FRAME, y, title, { count: 4, ticks: decades(1, most * 1.3), format: duration }) +
      curves.join(''),
  );
}

function linear(title: string, points: readonly ReplayPoint[], x: Scale, value: Value): string {
  const most = Math.max(1e-3, ...points.map(value));
  const y = scaleLinear([0, most * 1.05], [innerBottom(FRAME), FRAME.top]);
  return svg(
    FRAME,
    title,
    axisBottom(FRAME, x, '', { count: 8, format: figure }) +
      axisLeft(FRAME, y, title, { count: 3, format: figure }) +
      curve('first', points, x, y, value),
  );
}

function curve(kind: string, points: readonly ReplayPoint[], x: Scale, y: Scale, value: Value): string {
  const path = line<ReplayPoint>()
    .x(({ atMs }) => round(x(atMs)))
    .y((point) => round(y(value(point))))
    .curve(curveStepAfter)(points);
  return `<path class="tail ${kind}" d="${path ?? ''}"/>`;
}

interface Lane {
  readonly policy: string;
  readonly decisions: readonly Decision[];
}

function lanes(all: readonly Lane[], points: readonly ReplayPoint[], endMs: number): string {
  const frame: Frame = {
    ...FRAME,
    top: 24,
    bottom: 38,
    height: 62 + all.length * (LANE_HEIGHT + 4),
  };
  const x = scaleLinear([0, endMs], [frame.left, innerRight(frame)]);
  const body = all.map(({ policy, decisions }, lane) => {
    const top = frame.top + lane * (LANE_HEIGHT + 4);
    const label = `<text class="label" x="${frame.left - 8}" y="${top + 12}" text-anchor="end">${escapeText(policy)}</text>`;
    return (
      label +
      spans(decisions, points, endMs)
        .map((span) => bar(span, x, top))
        .join('')
    );
  });
  const title = 'What each policy allows on these observations';
  const caption = `<text class="caption" x="${frame.left}" y="16">${title}</text>`;
  return svg(
    frame,
    title,
    axisBottom(frame, x, 'ms since the first decision', { count: 8, format: figure }) +
      caption +
      body.join(''),
  );
}

interface Span {
  readonly fromMs: number;
  toMs: number;
  readonly isHeld: boolean;
  readonly reason: string;
}

/** Joined where nothing changes, so that a run of ten thousand decisions is no page of megabytes. */
function spans(decisions: readonly Decision[], points: readonly ReplayPoint[], endMs: number): Span[] {
  const joined: Span[] = [];
  const add = (fromMs: number, toMs: number, isHeld: boolean, reason: string): void => {
    const last = joined.at(-1);
    if (toMs <= fromMs) return;
    const isClose = last !== undefined && last.isHeld === isHeld && last.reason === reason;
    if (isClose) last.toMs = toMs;
    else joined.push({ fromMs, toMs, isHeld, reason });
  };
  for (const [index, { pages, waitMs, reason }] of decisions.entries()) {
    const fromMs = points[index]?.atMs ?? 0;
    const toMs = points[index + 1]?.atMs ?? endMs;
    const beginsMs = pages === 0 ? toMs : Math.min(toMs, fromMs + Math.max(0, waitMs));
    add(fromMs, beginsMs, true, reason);
    add(beginsMs, toMs, false, reason);
  }
  return joined;
}

function bar({ fromMs, toMs, isHeld, reason }: Span, x: Scale, top: number): string {
  const width = Math.max(0.4, x(toMs) - x(fromMs));
  return `<rect class="lane ${isHeld ? 'wait' : 'go'}" x="${round(x(fromMs))}" y="${top}" width="${round(width)}" height="${LANE_HEIGHT}"><title>${escapeText(`${isHeld ? 'held back' : 'allowed'}: ${reason}`)}</title></rect>`;
}

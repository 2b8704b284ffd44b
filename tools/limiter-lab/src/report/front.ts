import { scaleLog } from 'd3-scale';
import { rank } from '../rank.ts';
import { escapeText, figure } from './markup.ts';
import type { ReportModel } from './model.ts';
import { axisBottom, axisLeft, type Frame, innerBottom, innerRight, round, svg } from './plot.ts';
import { located } from './ranking.ts';
import { cellsOf, type Selection } from './selection.ts';

const FRAME: Frame = { width: 1140, height: 380, top: 26, right: 40, bottom: 42, left: 62 };
const LABEL_HEIGHT = 15;

/** What a policy costs in time against what it does to writers: the two ends of the trade. */
export function front(model: ReportModel, selection: Selection): string {
  const ranked = rank(located(cellsOf(model, selection.overflow)), selection.weights);
  const x = scaleLog(
    [0.95, most(ranked.map(({ factors }) => factors.totalMs))],
    [FRAME.left, innerRight(FRAME)],
  );
  const y = scaleLog(
    [0.8, most(ranked.map(({ factors }) => factors.longestMs))],
    [innerBottom(FRAME), FRAME.top],
  );
  const axes =
    axisBottom(FRAME, x, 'total time, times the best (geometric mean over the scenarios)', {
      count: 8,
      ticks: [1, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20].filter((tick) => tick <= x.domain()[1]!),
      format: multiple,
    }) +
    axisLeft(FRAME, y, 'longest stall, times the best', {
      count: 6,
      ticks: [1, 2, 5, 10, 20, 50, 100, 200].filter((tick) => tick <= y.domain()[1]!),
      format: multiple,
    });
  // No label on a point.
  const taken: Box[] = ranked.map(({ factors }) => ({
    x: x(factors.totalMs) - 7,
    y: y(factors.longestMs) + 4,
    width: 14,
  }));
  const points = ranked.map(({ contestant, factors, isPareto }) => {
    const [left, top] = [x(factors.totalMs), y(factors.longestMs)];
    const label = place({ x: left + 10, y: top + 4 }, contestant.length, taken);
    const chosen = contestant === selection.contestant || contestant === selection.versus;
    const kind = `${isPareto ? 'front' : 'inside'}${chosen ? ' chosen' : ''}`;
    const leader =
      Math.abs(label.y - top - 4) > 1
        ? `<line class="leader" x1="${round(left)}" y1="${round(top)}" x2="${round(label.x - 2)}" y2="${round(label.y - 4)}"/>`
        : '';
    return `${leader}<circle class="${kind}" cx="${round(left)}" cy="${round(top)}" r="5"/><text class="label ${kind}" x="${round(label.x)}" y="${round(label.y)}" text-anchor="${label.anchor}">${escapeText(contestant)}</text>`;
  });
  return svg(
    FRAME,
    'Longest stall against total time, by policy; filled points are on the Pareto front',
    axes + points.join(''),
  );
}

/** Where an axis ends. */
function most(values: readonly number[]): number {
  return Math.max(1.3, ...values) * 1.15;
}

function multiple(value: number): string {
  return `${figure(value)} ×`;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** Moves a label up or down until it lies on no other; one that would leave the plot goes to the left of its point. */
function place(
  at: { x: number; y: number },
  characters: number,
  taken: Box[],
): { x: number; y: number; anchor: 'start' | 'end' } {
  const width = characters * 7 + 8;
  const leftward = at.x + width > innerRight(FRAME) + FRAME.right;
  const x = leftward ? at.x - 20 : at.x;
  const box = (y: number): Box => ({ x: leftward ? x - width : x, y, width });
  const free = (y: number): boolean =>
    y > FRAME.top && y < innerBottom(FRAME) - 2 && taken.every((other) => !overlaps(box(y), other));
  let y = at.y;
  for (let turn = 1; !free(y) && turn < 60; turn++)
    y = at.y + Math.ceil(turn / 2) * LABEL_HEIGHT * (turn % 2 === 0 ? 1 : -1);
  taken.push(box(y));
  return { x, y, anchor: leftward ? 'end' : 'start' };
}

function overlaps(a: Box, b: Box): boolean {
  return Math.abs(a.y - b.y) < LABEL_HEIGHT - 1 && a.x < b.x + b.width && b.x < a.x + a.width;
}

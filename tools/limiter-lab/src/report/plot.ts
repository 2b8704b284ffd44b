import type { ScaleContinuousNumeric } from 'd3-scale';
import { escapeText } from './markup.ts';

export type Scale = ScaleContinuousNumeric<number, number>;

/** The frame of a plot, in pixels of its view box. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

export const innerRight = ({ width, right }: Frame): number => width - right;
export const innerBottom = ({ height, bottom }: Frame): number => height - bottom;

/** `label` is what a reader who does not see the plot is told. */
export function svg({ width, height }: Frame, label: string, body: string): string {
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(label)}">${body}</svg>`;
}

export function axisBottom(frame: Frame, scale: Scale, title: string, options: AxisOptions): string {
  const y = innerBottom(frame);
  const ticks = ticksOf(scale, options).map((tick) => {
    const x = round(scale(tick));
    return `<line class="grid" x1="${x}" x2="${x}" y1="${frame.top}" y2="${y}"/><text class="tick" x="${x}" y="${y + 14}" text-anchor="middle">${escapeText(options.format(tick))}</text>`;
  });
  const line = `<line class="axis" x1="${frame.left}" x2="${innerRight(frame)}" y1="${y}" y2="${y}"/>`;
  const middle = (frame.left + innerRight(frame)) / 2;
  const caption =
    title === ''
      ? ''
      : `<text class="caption" x="${middle}" y="${y + 30}" text-anchor="middle">${escapeText(title)}</text>`;
  return ticks.join('') + line + caption;
}

export function axisLeft(frame: Frame, scale: Scale, title: string, options: AxisOptions): string {
  const ticks = ticksOf(scale, options).map((tick) => {
    const y = round(scale(tick));
    return `<line class="grid" x1="${frame.left}" x2="${innerRight(frame)}" y1="${y}" y2="${y}"/><text class="tick" x="${frame.left - 6}" y="${y + 3.5}" text-anchor="end">${escapeText(options.format(tick))}</text>`;
  });
  const caption = `<text class="caption" x="${frame.left}" y="${frame.top - 7}">${escapeText(title)}</text>`;
  return ticks.join('') + caption;
}

export interface AxisOptions {
  readonly count: number;
  readonly format: (value: number) => string;
  /** Instead of what the scale proposes. */
  readonly ticks?: readonly number[];
}

function ticksOf(scale: Scale, { count, ticks }: AxisOptions): readonly number[] {
  return ticks ?? scale.ticks(count);
}

/** Powers of ten within a domain. */
export function decades(from: number, to: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.ceil(Math.log10(from) - 1e-9); 10 ** power <= to * 1.0001; power++)
    ticks.push(10 ** power);
  return ticks;
}

/** A tenth of a pixel is enough, and keeps the page small. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export function duration(us: number): string {
  if (us >= 1e6) return `${trim(us / 1e6)} s`;
  if (us >= 1e3) return `${trim(us / 1e3)} ms`;
  if (us >= 1) return `${trim(us)} µs`;
  return `${trim(us * 1e3)} ns`;
}

function trim(value: number): string {
  return String(Number(value.toPrecision(3)));
}

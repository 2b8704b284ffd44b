import { type Figure, figureOf, type Series, type Unit } from '../figure.ts';
import { type Goal, ratioOf, type Row, verdictOf } from '../row.ts';

/** Three significant digits: more is noise. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return '∞';
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(4, Math.max(0, 2 - magnitude)));
}

/** `8.01 ms (7.92–8.33)`; without the spread for a limit or a single sample. */
export function seriesText(one: Series): string {
  const { value, min, max }: Figure = figureOf(one);
  const text = `${numberText(value)} ${one.unit}`;
  return one.samples.length === 1 ? text : `${text} (${numberText(min)}–${numberText(max)})`;
}

export function otherWorkText(percent: number): string {
  return `other work on the cores meanwhile: ${Math.round(percent)} %`;
}

export function ratioText(row: Row): string {
  return `${numberText(ratioOf(row))} ×`;
}

export function goalText(goal: Goal | undefined, unit: Unit): string {
  if (goal === undefined) return '';
  const { kind, limit } = goal;
  return `${kind === 'ratioAtLeast' ? '≥' : '≤'} ${Number(limit.toFixed(4))} ${kind === 'atMost' ? unit : '×'}`;
}

export function verdictText(row: Row): string {
  const verdict = verdictOf(row);
  return verdict === 'information' ? '' : verdict;
}

export function remarkText({ voidBecause, note }: Row): string {
  return [voidBecause, note].filter((text) => text !== undefined).join('; ');
}

import { figureOf, type Series } from './figure.ts';

/** What a row has to reach. Ratios are ours : peer's; `atMost` bounds our figure itself, in its unit. */
export interface Goal {
  readonly kind: 'ratioAtMost' | 'ratioAtLeast' | 'atMost';
  readonly limit: number;
}

/** `information`: a figure without a goal. `void`: this run says nothing about the goal. */
export type Verdict = 'reached' | 'not reached' | 'information' | 'void';

/** One comparison. */
export interface Row {
  readonly benchmark: string;
  /** What was done, and how much of it. */
  readonly subject: string;
  readonly measured: Series;
  /** What it is held against: a peer that did the same work in the same run, or a limit. */
  readonly peer: Series;
  readonly goal?: Goal;
  /** Why the run says nothing about the goal. */
  readonly voidBecause?: string;
  readonly note?: string;
}

/** Ours : peer's. Where the peer's figure is 0 there is no ratio: 1 when ours is 0 too, otherwise infinite. */
export function ratioOf({ measured, peer }: Row): number {
  const ours = figureOf(measured).value;
  const theirs = figureOf(peer).value;
  if (theirs === 0) return ours === 0 ? 1 : Number.POSITIVE_INFINITY;
  return ours / theirs;
}

export function verdictOf(row: Row): Verdict {
  if (row.voidBecause !== undefined) return 'void';
  if (row.goal === undefined) return 'information';
  return isReached(row, row.goal) ? 'reached' : 'not reached';
}

function isReached(row: Row, { kind, limit }: Goal): boolean {
  if (kind === 'atMost') return figureOf(row.measured).value <= limit;
  return kind === 'ratioAtMost' ? ratioOf(row) <= limit : ratioOf(row) >= limit;
}

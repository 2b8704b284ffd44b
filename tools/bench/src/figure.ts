export type Unit = 'ms' | 'µs' | 'GB/s' | 'MiB' | 'pages' | 'k/s';

/** How the samples of several rounds become one figure: the middle one, or, for what must never happen, the largest. */
export type Statistic = 'median' | 'worst';

/** What one side did, once a round. */
export interface Series {
  readonly name: string;
  readonly unit: Unit;
  readonly statistic: Statistic;
  readonly samples: readonly number[];
}

export interface Figure {
  readonly value: number;
  readonly min: number;
  readonly max: number;
}

export function series(
  name: string,
  unit: Unit,
  samples: readonly number[],
  statistic: Statistic = 'median',
): Series {
  if (samples.length === 0) throw new RangeError(`${name} has no samples`);
  return { name, unit, statistic, samples };
}

export function figureOf({ samples, statistic }: Series): Figure {
  const min = Math.min(...samples);
  const max = Math.max(...samples);
  return { value: statistic === 'worst' ? max : median(samples), min, max };
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
}

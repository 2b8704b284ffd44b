/** What a run is judged by. Of all of them less is better. */
export const METRICS = {
  longestMs: { title: 'Longest stall', unit: 'ms', what: 'longest write of any writer' },
  p99Us: { title: 'p99', unit: 'µs', what: 'of all writes between the cut and the last page' },
  totalMs: { title: 'Total time', unit: 'ms', what: 'from the cut until the sink had every page' },
  heldMiB: {
    title: 'Bytes held',
    unit: 'MiB',
    what: 'most captured pages held at a time, in memory and spilled',
  },
  stallMs: { title: 'Stall integral', unit: 'ms', what: 'time that all writers together spent in writes' },
} as const;

export type Metric = keyof typeof METRICS;
export const METRIC_NAMES: readonly Metric[] = ['longestMs', 'p99Us', 'totalMs', 'heldMiB', 'stallMs'];

export type Scores = Readonly<Record<Metric, number>>;

/** Something for each metric. */
export function byMetric<Value>(make: (metric: Metric) => Value): Record<Metric, Value> {
  return {
    longestMs: make('longestMs'),
    p99Us: make('p99Us'),
    totalMs: make('totalMs'),
    heldMiB: make('heldMiB'),
    stallMs: make('stallMs'),
  };
}

/**
 * Differences below these are nobody's concern, so ratios do not speak of them: a stall of one scheduler slice, a p99 of one quick fault,
 * a millisecond, the slabs of two writes. Without them the quietest scenario would decide.
 */
export const FLOORS: Scores = { longestMs: 3, p99Us: 100, totalMs: 1, heldMiB: 8, stallMs: 10 };

/** `value` as a multiple of `other`, with the floors. */
export function ratio(metric: Metric, value: number, other: number): number {
  const floor = FLOORS[metric];
  return Math.max(value, floor) / Math.max(other, floor);
}

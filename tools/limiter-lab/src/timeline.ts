/** What is shown over time. `max`: the largest value counts; `sum`: they add up. */
export const SERIES = {
  /** Longest wait of a write that ended then, ns. */
  stallNs: 'max',
  /** Longest write of the sink that ended then, ns. */
  sinkNs: 'max',
  heldBytes: 'max',
  spilledBytes: 'max',
  takenBytes: 'sum',
  sweptPages: 'sum',
  faultPages: 'sum',
  /** How long the limiter let nothing be swept, ns. */
  heldBackNs: 'sum',
} as const;

export type SeriesName = keyof typeof SERIES;
const SERIES_NAMES: readonly SeriesName[] = [
  'stallNs',
  'sinkNs',
  'heldBytes',
  'spilledBytes',
  'takenBytes',
  'sweptPages',
  'faultPages',
  'heldBackNs',
];

/** Something for each series. */
export function bySeries<Value>(make: (name: SeriesName) => Value): Record<SeriesName, Value> {
  return {
    stallNs: make('stallNs'),
    sinkNs: make('sinkNs'),
    heldBytes: make('heldBytes'),
    spilledBytes: make('spilledBytes'),
    takenBytes: make('takenBytes'),
    sweptPages: make('sweptPages'),
    faultPages: make('faultPages'),
    heldBackNs: make('heldBackNs'),
  };
}

/** A run in at most `BUCKETS` equal pieces of time. */
export interface Timeline {
  readonly bucketNs: number;
  readonly series: Readonly<Record<SeriesName, readonly number[]>>;
}

export const BUCKETS = 160;
const FIRST_BUCKET_NS = 250_000;

/** Collects series without knowing how long the run will be: when time runs over, two pieces become one. */
export class TimelineRecorder {
  #bucketNs = FIRST_BUCKET_NS;
  #used = 0;
  readonly #values = bySeries(() => new Float64Array(BUCKETS));

  /** `atNs`: since the cut. */
  add(name: SeriesName, atNs: number, value: number): void {
    const bucket = this.#bucketAt(atNs);
    const values = this.#values[name];
    values[bucket] = SERIES[name] === 'sum' ? values[bucket]! + value : Math.max(values[bucket]!, value);
  }

  /** Spreads `value` evenly over a span, or gives it to every piece of the span where the largest counts. */
  addSpan(name: SeriesName, fromNs: number, toNs: number, value: number): void {
    if (!(toNs > fromNs)) return this.add(name, toNs, value);
    this.#bucketAt(toNs);
    const width = this.#bucketNs;
    const share = SERIES[name] === 'sum' ? value / (toNs - fromNs) : undefined;
    for (let bucket = Math.floor(Math.max(0, fromNs) / width); bucket * width < toNs; bucket++) {
      const overlapNs = Math.min(toNs, (bucket + 1) * width) - Math.max(fromNs, bucket * width);
      this.add(name, bucket * width, share === undefined ? value : share * overlapNs);
    }
  }

  finish(): Timeline {
    const series = bySeries((name) => Array.from(this.#values[name].subarray(0, this.#used)));
    return { bucketNs: this.#bucketNs, series };
  }

  #bucketAt(atNs: number): number {
    while (atNs >= this.#bucketNs * BUCKETS) this.#halve();
    const bucket = Math.floor(Math.max(0, atNs) / this.#bucketNs);
    this.#used = Math.max(this.#used, bucket + 1);
    return bucket;
  }

  #halve(): void {
    for (const name of SERIES_NAMES) {
      const values = this.#values[name];
      for (let i = 0; i < BUCKETS / 2; i++) {
        const [a, b] = [values[2 * i]!, values[2 * i + 1]!];
        values[i] = SERIES[name] === 'sum' ? a + b : Math.max(a, b);
      }
      values.fill(0, BUCKETS / 2);
    }
    this.#bucketNs *= 2;
    this.#used = Math.ceil(this.#used / 2);
  }
}

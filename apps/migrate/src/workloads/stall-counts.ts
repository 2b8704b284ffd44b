import { WAIT_BUCKET_COUNT, waitBucketIndex, waitQuantilesNs, waitTotal } from '@stillframe/snapshot';
import { type StallPhase, stallPhases, type StallSummary } from './workload.ts';

/** Histograms of the time of single writes, one for each phase, in shared memory: one writer counts, anyone reads. */
export class StallCounts {
  /** For each phase a maximum in ns and the buckets of the capture engine's histogram, so that both can be compared. */
  static readonly sizeBytes = stallPhases.length * (1 + WAIT_BUCKET_COUNT) * Float64Array.BYTES_PER_ELEMENT;

  readonly #cells: Float64Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer, byteOffset: number) {
    this.#cells = new Float64Array(
      buffer,
      byteOffset,
      StallCounts.sizeBytes / Float64Array.BYTES_PER_ELEMENT,
    );
  }

  /** Counts one write that took `durationMs`. Called for every write, so it allocates nothing. */
  record(phaseIndex: number, durationMs: number): void {
    // Clocks of a virtual machine have been seen to step back by a tick.
    const ns = durationMs > 0 ? Math.round(durationMs * 1e6) : 0;
    const base = phaseIndex * (1 + WAIT_BUCKET_COUNT);
    const bucket = base + 1 + waitBucketIndex(ns);
    this.#cells[bucket] = this.#cells[bucket]! + 1;
    if (ns > this.#cells[base]!) this.#cells[base] = ns;
  }

  /** All writers together. */
  static summarise(all: readonly StallCounts[]): Record<StallPhase, StallSummary> {
    const summary = (phase: StallPhase) => summarisePhase(all, stallPhases.indexOf(phase));
    return { before: summary('before'), during: summary('during'), after: summary('after') };
  }

  phaseCells(phaseIndex: number): Float64Array<SharedArrayBuffer> {
    const length = 1 + WAIT_BUCKET_COUNT;
    return this.#cells.subarray(phaseIndex * length, (phaseIndex + 1) * length);
  }
}

function summarisePhase(all: readonly StallCounts[], phaseIndex: number): StallSummary {
  const counts = new Float64Array(WAIT_BUCKET_COUNT);
  let maxNs = 0;
  for (const stalls of all) {
    const cells = stalls.phaseCells(phaseIndex);
    maxNs = Math.max(maxNs, cells[0]!);
    for (let bucket = 0; bucket < WAIT_BUCKET_COUNT; bucket++) counts[bucket]! += cells[1 + bucket]!;
  }
  // A quantile is the end of its bucket, which may lie beyond the longest write.
  const [p50, p99, p999] = waitQuantilesNs(counts, [0.5, 0.99, 0.999]).map((ns) => Math.min(ns, maxNs) / 1e3);
  return { count: waitTotal(counts), p50Us: p50!, p99Us: p99!, p999Us: p999!, maxUs: maxNs / 1e3 };
}

import { WAIT_BUCKET_COUNT } from '@stillframe/snapshot';
import { numberAt, type Result } from './child-process.ts';

/** Writers of the guest, the same code on both sides: peers/writers.h. */
export interface WriterLoad {
  readonly writers: number;
  /** Of each writer. */
  readonly writesPerSecond: number;
}

/** How long the writes of one run took, from resume to the end of the snapshot. */
export interface Writes {
  readonly counts: Float64Array;
  readonly longestNs: number;
}

/** As many writers as the bundled `counter` workload has by default, at twice its rate: 160 MB of pages a second if every write faults. */
export const STEADY_LOAD: WriterLoad = { writers: 2, writesPerSecond: 20_000 };

/** As much as writers that wait for each other's faults bring about: more than the slow sink of the memory benchmark takes. */
export const HEAVY_LOAD: WriterLoad = { writers: 4, writesPerSecond: 50_000 };

/** Reads what `wait_print` of peers/wait_histogram.h wrote. */
export function writesOf(result: Result): Writes {
  const counts = new Float64Array(WAIT_BUCKET_COUNT);
  const pairs = result['counts'];
  if (!Array.isArray(pairs)) throw new TypeError(`counts is missing in ${JSON.stringify(result)}`);
  for (const [bucket, count] of pairs) counts[Number(bucket)] = Number(count);
  return { counts, longestNs: numberAt(result, 'longestNs') };
}

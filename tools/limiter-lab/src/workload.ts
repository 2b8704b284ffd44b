/** What the guest's writers do. The simulator and guest/lab_writers.c follow the same description. */
export interface Workload {
  readonly name: string;
  readonly summary: string;
  readonly writers: number;
  /** Of each writer, while it writes. A write that was late moves the later ones: nobody catches up. */
  readonly writesPerSecond: number;
  /** Writes for `onMs`, then rests for `offMs`; 0 and 0: never rests. */
  readonly onMs: number;
  readonly offMs: number;
  readonly pattern: Pattern;
}

/**
 * Which pages a writer visits. Writer `w` of `n` has the pages whose number leaves `w` when divided by `n`.
 *
 * - `scatter`: each of its pages once, in a scattered order, then again.
 * - `hot`: nine writes of ten go to the first sixteenth of its pages, the tenth anywhere, both drawn at random.
 * - `scan`: each of its pages in order of address, from the middle on.
 */
export type Pattern = 'scatter' | 'hot' | 'scan';

export const PATTERNS: readonly Pattern[] = ['scatter', 'hot', 'scan'];

/** Odd and far from a power of two: multiples of it are scattered over any power of two of pages, each hit once. */
export const SCATTER = 2_654_435_761;
export const HOT_SHARE_OF_PAGES = 16;
export const HOT_WRITES_OF_TEN = 9;

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'steady',
    summary: '2 writers, 20 000 writes/s each, all over the memory',
    writers: 2,
    writesPerSecond: 20_000,
    onMs: 0,
    offMs: 0,
    pattern: 'scatter',
  },
  {
    name: 'bursty',
    summary: '2 writers, 50 000 writes/s each for 100 ms of every 500 ms',
    writers: 2,
    writesPerSecond: 50_000,
    onMs: 100,
    offMs: 400,
    pattern: 'scatter',
  },
  {
    name: 'hot-set',
    summary: '4 writers, 20 000 writes/s each, 9 of 10 into a sixteenth of the memory',
    writers: 4,
    writesPerSecond: 20_000,
    onMs: 0,
    offMs: 0,
    pattern: 'hot',
  },
  {
    name: 'scan',
    summary: '1 writer, 50 000 writes/s, in order of address',
    writers: 1,
    writesPerSecond: 50_000,
    onMs: 0,
    offMs: 0,
    pattern: 'scan',
  },
];

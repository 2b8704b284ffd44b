import { WAIT_BUCKETS } from '../capture-stats.ts';

/** Numbers since the server was opened. */
export interface ServeStats {
  readonly pages: number;
  /** Neither installed nor given up nor thrown away by their owner. */
  readonly missingPages: number;
  /** Fault events read, including repeats of the same page. */
  readonly faults: number;
  /** Pages that somebody waited for, once each. */
  readonly faultPages: number;
  /** Pages installed along with one that somebody waited for: they shared its block, or its run of zeros. */
  readonly besidePages: number;
  /** Pages installed ahead by the prefetcher itself. */
  readonly prefetchedPages: number;
  /** Pages installed by fillers, whatever for. */
  readonly filledPages: number;
  /** Pages that a filler brought too late or twice. */
  readonly duplicatePages: number;
  /** Pages that came on a lane of faults, missing still or not. */
  readonly lanePages: number;
  /** Given up: who touches them gets SIGBUS. */
  readonly lostPages: number;
  /** Thrown away by their owner before they came (REMOVE, UNMAP): zeros on the next touch, like any memory that was given back. */
  readonly removedPages: number;
  /** Counts of waits, from the fault event read to the waiter woken, by buckets as `CaptureStats.faultWait`. */
  readonly faultWait: Float64Array;
  readonly faultWaitMaxNs: number;
}

/** As native/binding/serve_binding.cc fills them. */
export const SERVE_NUMBERS = 14;

export function decodeStats(numbers: Float64Array, faultWait: Float64Array): ServeStats {
  const at = (index: number): number => numbers[index]!;
  return {
    pages: at(0),
    missingPages: at(1),
    faults: at(2),
    faultPages: at(3),
    besidePages: at(4),
    prefetchedPages: at(5),
    filledPages: at(6),
    duplicatePages: at(7),
    lostPages: at(8),
    removedPages: at(9),
    faultWaitMaxNs: at(10),
    lanePages: at(13),
    faultWait,
  };
}

export function emptyWaits(): Float64Array {
  return new Float64Array(WAIT_BUCKETS);
}

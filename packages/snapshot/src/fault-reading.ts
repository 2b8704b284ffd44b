import type { FaultWait } from '@stillframe/limiter';
import type { Capture } from './guest.ts';
import { WAIT_BUCKET_COUNT, waitDifference, waitQuantilesNs, waitTotal } from './wait-histogram.ts';

/** The fault numbers of a capture at one moment; those of a native block move on while JavaScript looks. */
export interface FaultReading {
  readonly faults: number;
  readonly lastFaultReadNs: number;
  readonly waits: Float64Array;
  /** How many waits there are in `waits`. */
  readonly waitCount: number;
}

export const NO_FAULTS: FaultReading = {
  faults: 0,
  lastFaultReadNs: 0,
  waits: new Float64Array(WAIT_BUCKET_COUNT),
  waitCount: 0,
};

/** What a capture's fault numbers are now; the same object as `previous` when there was no fault since. */
export function readFaults(capture: Capture, previous: FaultReading): FaultReading {
  const { faults, lastFaultReadNs, faultWait } = capture.stats();
  // A wait is counted after its event, at the release; when there is one for each event, no more can come.
  if (faults === previous.faults && previous.waitCount >= faults) return previous;
  const waitCount = waitTotal(faultWait);
  if (faults === previous.faults && waitCount === previous.waitCount) return previous;
  return { faults, lastFaultReadNs, waits: faultWait.slice(), waitCount };
}

const NO_WAIT: FaultWait = { p50Ns: 0, p99Ns: 0, maxNs: 0 };
const scratch = new Float64Array(WAIT_BUCKET_COUNT);

/** The waits that ended between two readings. */
export function waitsBetween(newer: FaultReading, older: FaultReading): FaultWait {
  if (newer === older) return NO_WAIT;
  const [p50Ns = 0, p99Ns = 0, maxNs = 0] = waitQuantilesNs(
    waitDifference(newer.waits, older.waits, scratch),
    [0.5, 0.99, 1],
  );
  return { p50Ns, p99Ns, maxNs };
}

import type { StallUs } from './event.ts';
import type { CaptureStats } from './guest.ts';
import { WAIT_BUCKET_COUNT, waitQuantilesNs } from './wait-histogram.ts';

const NS_PER_US = 1000;

/** Percentiles of the waits of faulting writers. */
export function stallUs({ faultWait, faultWaitMaxNs }: CaptureStats): StallUs {
  const [p50 = 0, p99 = 0, p999 = 0] = waitQuantilesNs(faultWait, [0.5, 0.99, 0.999]).map(
    // The end of a bucket may be above the longest wait, which is known exactly.
    (waitNs) => Math.min(waitNs, faultWaitMaxNs) / NS_PER_US,
  );
  return { p50, p99, p999, max: faultWaitMaxNs / NS_PER_US };
}

/** The numbers of a capture that is not open yet. */
export const NO_STATS: CaptureStats = {
  pages: 0,
  capturedPages: 0,
  faultPages: 0,
  sweptPages: 0,
  faults: 0,
  lastFaultReadNs: 0,
  faultWait: new Float64Array(WAIT_BUCKET_COUNT),
  faultWaitMaxNs: 0,
  preImageBytes: 0,
  preImageBytesMax: 0,
  spilledBytesMax: 0,
  lostPages: 0,
};

import { WAIT_BUCKET_COUNT, waitBucketIndex } from '@stillframe/snapshot';
import type { WriteWaits } from '../run-result.ts';

/** Counts waits. */
export class WaitRecorder {
  readonly counts = new Float64Array(WAIT_BUCKET_COUNT);
  longestNs = 0;
  sumNs = 0;

  add(waitNs: number, count = 1): void {
    if (!(waitNs >= 0)) throw new Error(`a wait of ${waitNs} ns`);
    const whole = Math.round(waitNs);
    this.counts[waitBucketIndex(whole)]! += count;
    this.longestNs = Math.max(this.longestNs, whole);
    this.sumNs += whole * count;
  }

  result(): WriteWaits {
    return { counts: this.counts, longestNs: this.longestNs, sumNs: this.sumNs };
  }
}

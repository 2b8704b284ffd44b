import type { CaptureStats } from '@stillframe/snapshot';
import type { PageTable } from './page-table.ts';
import type { Store } from './store.ts';
import { WaitRecorder } from './wait-recorder.ts';

/** What the engine counts of itself. */
export class Counters {
  faults = 0;
  faultPages = 0;
  sweptPages = 0;
  lastFaultReadNs = 0;
  /** From the arrival of an event to the release, without the wake-ups on both ends: what the engine can see. */
  readonly waits = new WaitRecorder();

  stats(pages: PageTable, store: Store): CaptureStats {
    return {
      pages: pages.count,
      capturedPages: pages.capturedPages,
      lostPages: 0,
      faultPages: this.faultPages,
      sweptPages: this.sweptPages,
      faults: this.faults,
      lastFaultReadNs: this.lastFaultReadNs,
      faultWait: this.waits.counts,
      faultWaitMaxNs: this.waits.longestNs,
      preImageBytes: store.heldBytes,
      preImageBytesMax: store.heldBytesMax,
      spilledBytesMax: store.spilledBytesMax,
    };
  }
}

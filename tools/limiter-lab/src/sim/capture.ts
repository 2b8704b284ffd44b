import type { Capture, CaptureStats } from '@stillframe/snapshot';
import type { Slab } from './store.ts';
import type { Fault } from './writers.ts';

/** A capture in virtual time, as the pump sees it; with a store, or inline. */
export interface SimulatedCapture {
  readonly isInline: boolean;
  onFault(fault: Fault): void;
  /** Up to `most` filled slabs, faults first; empty when nothing is ready. */
  pull(most: number): Slab[];
  release(slab: Slab): void;
  /** Whether `pull` would give something. If not, `tell` is called once, when it would. */
  readyOrTell(): boolean;
  grant(pages: number, notBeforeNs: number): void;
  stats(): CaptureStats;
}

/** What the observer and the pacer of @stillframe/snapshot use of a capture. */
export function asCapture(simulated: SimulatedCapture, pageCount: number): Capture {
  return {
    pageCount,
    stats: () => simulated.stats(),
    grant: (pages, notBeforeNs) => simulated.grant(pages, notBeforeNs),
    arm: unused,
    pull: unused,
    wait: unused,
    close: unused,
  };
}

function unused(): never {
  throw new Error('not part of the simulation');
}

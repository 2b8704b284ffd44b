import type { SinkShape } from './sink-shape.ts';
import type { Workload } from './workload.ts';

/** What is pictured, by whom it is written, where it goes. */
export interface Scenario {
  readonly workload: Workload;
  readonly sink: SinkShape;
  readonly guestBytes: number;
}

/** How captured pages are kept. `inline`: not at all, the seed's way. */
export type StoreMode = 'spill' | 'stall' | 'inline';

export interface CaptureSetting {
  readonly preImagesMaxBytes: number;
  readonly overflow: 'spill' | 'stall';
}

export function captureSetting(mode: StoreMode, preImagesMaxBytes: number): CaptureSetting {
  return mode === 'inline'
    ? { preImagesMaxBytes: 0, overflow: 'stall' }
    : { preImagesMaxBytes, overflow: mode };
}

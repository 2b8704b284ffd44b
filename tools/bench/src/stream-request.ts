import { MIB } from './benchmark.ts';
import type { SnapshotRequest } from './ours.ts';

/** What `CaptureEngine` and `migrate` do when nothing else is said. */
export const DEFAULT_CAPTURE = { preImagesMaxBytes: 256 * MIB, overflow: 'spill' } as const;

/** A snapshot at full speed of memory that nobody writes. */
export function idleSnapshot(bytes: number, sink: SnapshotRequest['sink']): SnapshotRequest {
  return { bytes, sink, limiter: 'none', ...DEFAULT_CAPTURE };
}

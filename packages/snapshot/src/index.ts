export { type Clock, monotonicClock } from './clock.ts';
export { type FailedCleanup, SnapshotError, type SnapshotErrorCode } from './error.ts';
export type * from './event.ts';
export type * from './guest.ts';
export type { Run } from './run.ts';
export { type MemorySink, memorySink, nullSink, type Sink } from './sink.ts';
export { type ByteSource, sourceOf } from './source.ts';
export { type SnapshotOptions, type SnapshotRun, takeSnapshot } from './take-snapshot.ts';
export {
  WAIT_BUCKET_COUNT,
  WAIT_SUB_BUCKET_BITS,
  WAIT_SUB_BUCKETS,
  waitBucketFloorNs,
  waitBucketIndex,
  waitDifference,
  waitQuantilesNs,
  waitTotal,
} from './wait-histogram.ts';

export { type Clock, monotonicClock } from './clock.ts';
export { type FailedCleanup, SnapshotError, type SnapshotErrorCode } from './error.ts';
export type * from './event.ts';
export { EventHub } from './event-hub.ts';
export type * from './guest.ts';
export { OperatingError, type OperatingErrorOptions } from './operating-error.ts';
export { type PeerTimeouts, peerTimeouts, within } from './peer/limits.ts';
export { openPeerSink, type PeerOptions, type PeerSink } from './peer/peer-sink.ts';
export {
  type PeerReceiveOptions,
  type PeerReceiveSummary,
  receiveFromPeer,
} from './peer/receive-from-peer.ts';
export {
  type PeerSnapshotOptions,
  type PeerSnapshotRun,
  type PeerSnapshotSummary,
  streamToPeer,
} from './peer/stream-to-peer.ts';
export type { Transport } from './peer/transport.ts';
export type * from './receive/event.ts';
export type { ReceivedImage } from './receive/intake.ts';
export type { Verdict, Verify } from './receive/receive-image.ts';
export type { ChainLayer } from './receive/chain-frames.ts';
export {
  type ChainOptions,
  type ReceiveOptions,
  type ReceiveRun,
  receiveStream,
  restoreChain,
  restoreImage,
  type StreamOptions,
} from './receive/receive-stream.ts';
export { type Run, startRun } from './run.ts';
export * from './session/index.ts';
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

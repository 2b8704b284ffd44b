export {
  FEATURE_KERNEL,
  type Feature,
  type Ioctl,
  type PageCategory,
  type RegisterMode,
} from './abi.ts';
export {
  addressOf,
  type JsMemory,
  type WebAssemblyMemory,
  type WholePages,
  wholePages,
} from './address.ts';
export { type Operands, UffdError } from './errors.ts';
export type {
  ForkEvent,
  PagefaultEvent,
  RangeEvent,
  RemapEvent,
  UffdEvent,
  UnknownEvent,
} from './events.ts';
export {
  FDS_PER_MESSAGE_MAX,
  type ReceivedFds,
  receiveFds,
  sendFds,
  socketPair,
} from './fd-passing.ts';
export { HUGE_PAGE_2MIB, Mapping, type MappingOptions } from './mapping.ts';
export {
  addSeals,
  getSeals,
  MEMFD_NAME_MAX_BYTES,
  type MemfdOptions,
  memfdCreate,
  type Seal,
} from './memfd.ts';
export {
  type Advice,
  type MapFlag,
  type MmapOptions,
  type MremapOptions,
  madvise,
  mlock,
  mmap,
  mprotect,
  mremap,
  munlock,
  munmap,
  type Protection,
} from './memory.ts';
export type { CreateOptions } from './open.ts';
export {
  openPagemap,
  type PagemapScan,
  type PagemapScanOptions,
  type PageRegion,
  pagemapScan,
} from './pagemap.ts';
export {
  closeFd,
  fileData,
  pidfdGetfd,
  pidfdOpen,
  processVmReadv,
  RANGES_MAX,
  robustListHead,
  sharesMemory,
} from './process.ts';
export { type MemoryRange, pageSize } from './range.ts';
export {
  type Handshake,
  type MoveOptions,
  type OpenOptions,
  type ResolveOptions,
  Userfaultfd,
  type WakeOptions,
} from './userfaultfd.ts';
export { type MemorySupport, type Probe, probe } from './probe.ts';
export type { HugePagePool, Privileges } from './probe-permissions.ts';
export type { ScanSelfTest } from './probe-pagemap.ts';
export type { Outcome, Tier, TierName } from './tiers.ts';
export { CaptureEngine } from './capture-engine.ts';
export {
  type CaptureEngineOptions,
  type Discarded,
  type Overflow,
  PRE_IMAGES_DEFAULT_BYTES,
} from './capture-options.ts';
export type { ForeignMemory, ForeignRegion } from './foreign-memory.ts';
export { CaptureError, type CaptureErrorCode } from './capture-error.ts';
export {
  type CaptureRegion,
  type EngineRegion,
  type ResolvedRegion,
  resolveRegions,
} from './capture-region.ts';
export type { CapturedRun, CaptureSlab } from './capture-slab.ts';
export { type CaptureStats, WAIT_BUCKETS } from './capture-stats.ts';
export { ProcessTracer, type ProcessTracerOptions } from './trace/process-tracer.ts';
export type { StoppedProcess } from './trace/stopped-process.ts';
export type { Regset, ThreadState } from './trace/thread-state.ts';
export { TraceError, type TraceErrorCode } from './trace/trace-error.ts';
export { type DirtyRun, pagesIn } from './track/dirty-run.ts';
export {
  BRAKE_DELAY_MAX_US,
  BRAKE_SHARE_MAX,
  DirtyTracker,
  type DirtyTrackerOptions,
  type ForeignTracking,
  type SourceBrake,
} from './track/dirty-tracker.ts';
export { TrackError, type TrackErrorCode } from './track/track-error.ts';
export type { TrackKind } from './track/track-kind.ts';
export {
  BLOCK_MAX_BYTES,
  PageFiller,
  type PageRequest,
  type SourceBlock,
  type SourceExtent,
} from './serve/page-filler.ts';
export {
  type CloseOptions as PageServerCloseOptions,
  type LaneArrival,
  type LanePlace,
  type PageOrder,
  PageServer,
  type PageServerOptions,
} from './serve/page-server.ts';
export { FaultAnswerer, type FaultAnswererOptions } from './serve/fault-answerer.ts';
export { type ConnectionEnds, duplicateConnection } from './serve/duplicate-connection.ts';
export type { ForeignServing, ForeignView, MemoryFile } from './serve/server-making.ts';
export { ServeError, type ServeErrorCode } from './serve/serve-error.ts';
export type { ServeStats } from './serve/serve-stats.ts';

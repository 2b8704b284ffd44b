import type { Grant, Observation } from '@stillframe/limiter';
import type { ChunkKind } from '@stillframe/page-stream';
import type { CutMark } from './guest.ts';

/**
 * Where a snapshot is: `prepare` (the stream begins, the guest allocates) → `pause` → `arm` (the cut) → `resume` → `stream`
 * → `disarm` → `end` (the sink makes the image complete).
 */
export type SnapshotPhase = 'prepare' | 'pause' | 'arm' | 'resume' | 'stream' | 'disarm' | 'end';

/** A phase has begun. Those of the pause are delivered after the guest has resumed, so that no reader lengthens it. */
export interface PhaseEvent {
  readonly type: 'phase';
  readonly phase: SnapshotPhase;
  readonly atNs: number;
}

/** Every `progressIntervalMs`, and once more at the end of streaming. */
export interface ProgressEvent {
  readonly type: 'progress';
  readonly atNs: number;
  readonly progress: SnapshotProgress;
}

/** The limiter changed its mind: another reason, or it begins or ends to hold the sweep back; or it was exchanged. */
export interface LimiterEvent {
  readonly type: 'limiter';
  readonly atNs: number;
  readonly limiter: string;
  readonly grant: Grant;
}

/** One decision of the limiter; with `began`, enough to make the same decisions again. */
export interface LimiterStep {
  readonly limiter: string;
  /** At the first step of a limiter: whether its state is that of `initial(atNs)`, or the one before's by `adopt(state, atNs)`. */
  readonly began?: { readonly by: 'initial' | 'adopt'; readonly atNs: number };
  readonly observation: Observation;
  readonly grant: Grant;
  /** The sweep is held: the grant is not acted on. */
  readonly isHeld: boolean;
}

export type SnapshotEvent = PhaseEvent | ProgressEvent | LimiterEvent;

/** How long faulting writers waited, from the event read to the release, in µs. Up to 6.25 % above the truth, never below. */
export interface StallUs {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Numbers of a running snapshot. Counts and bytes are since the start. */
export interface SnapshotProgress {
  readonly phase: SnapshotPhase;
  readonly elapsedMs: number;
  /** All pages of the guest; 0 until it is open. */
  readonly pages: number;
  readonly capturedPages: number;
  /** Pages that the sink has taken. */
  readonly takenPages: number;
  /** Bytes of the stream that the sink has taken, headers included. */
  readonly takenBytes: number;
  readonly faults: number;
  readonly faultPages: number;
  readonly sweptPages: number;
  readonly stallUs: StallUs;
  readonly preImageBytes: number;
  readonly packing: PackingNumbers;
  readonly limiter: LimiterNumbers;
  readonly sink: SinkNumbers;
}

/** How the pages travel. */
export interface PackingNumbers {
  readonly compression: 'none' | 'lz4' | 'zstd';
  /** False without a parent, and when the guest has other regions than it. */
  readonly isIncrement: boolean;
  /** Full bytes of the pages that are neither zero nor inherited. */
  readonly dataBytes: number;
  /** What was stored for them, without frame heads. */
  readonly storedBytes: number;
  /** `dataBytes` over `storedBytes`; 1 while nothing is stored. */
  readonly ratio: number;
  /** Pages that stay as in the parent. */
  readonly inheritedPages: number;
  /** Pages that are the same as one before. */
  readonly sameAsPages: number;
  /** Pages of which the difference to the parent is stored. */
  readonly deltaPages: number;
  readonly pagesByKind: Readonly<Record<ChunkKind, number>>;
}

/** What the limiter did so far. */
export interface LimiterNumbers {
  readonly name: string;
  /** How often it was asked. */
  readonly steps: number;
  /** Time for which it let nothing be swept. */
  readonly heldMs: number;
  /** Why the sweep goes as it goes, in the limiter's words. */
  readonly reason: string;
  /** The sweep is held by `holdSweep`, whatever the limiter says. */
  readonly isHeld: boolean;
}

/** The sink, as the snapshot feels it. */
export interface SinkNumbers {
  readonly writes: number;
  /** Including one that is still going on. */
  readonly longestWriteMs: number;
  /** Handed over and not taken yet. */
  readonly backlogBytes: number;
  readonly drainBytesPerSecond: number;
}

/** How long the guest stood still, and for what. */
export interface PauseMs {
  readonly totalMs: number;
  readonly stopMs: number;
  readonly saveStateMs: number;
  readonly armMs: number;
  readonly resumeMs: number;
}

/** What a finished snapshot was. */
export interface SnapshotSummary {
  readonly pages: number;
  /** Pages that travelled without bytes. */
  readonly zeroPages: number;
  /** Bytes of the stream, headers included. */
  readonly bytes: number;
  /** 16 hexadecimal digits; the same for the same memory, whatever the order of capture. */
  readonly digest: string;
  /** From the start to the complete image. */
  readonly durationMs: number;
  /** From the start to the pause: the head of the stream, and whatever the guest does to get ready. */
  readonly prepareMs: number;
  readonly pauseMs: number;
  readonly pause: PauseMs;
  /** From the end of the pause until the sink had the state and every page. */
  readonly streamMs: number;
  readonly faults: number;
  readonly faultPages: number;
  readonly sweptPages: number;
  readonly stallUs: StallUs;
  /** The histogram behind `stallUs`; see `waitBucketFloorNs`. */
  readonly faultWaitCounts: Float64Array;
  readonly preImageBytesMax: number;
  readonly spilledBytesMax: number;
  /** Pages of the image that are not those of the cut, because the guest threw them away; see `CaptureOptions.discarded`. */
  readonly lostPages: number;
  readonly packing: PackingNumbers;
  readonly limiter: LimiterNumbers;
  readonly sink: SinkNumbers;
  /** For `CaptureOptions.changedSince` of a later snapshot of this guest; undefined unless it notes changes from this cut on. */
  readonly mark?: CutMark;
}

import type { GuestState } from '@stillframe/snapshot';

/** Guest memory of a workload: one page-aligned range of this process. */
export interface MemoryRange {
  /** The region name in images; an oracle looks its memory up by it. */
  readonly name: string;
  /** Where it starts in this process; a multiple of `pageSize`. */
  readonly address: bigint;
  readonly sizeBytes: number;
  readonly pageSize: 4096;
  /** The same bytes, where the memory is shared with the thread that asks; absent where it belongs to a worker alone. */
  readonly view?: Uint8Array<SharedArrayBuffer>;
}

export const stallPhases = ['before', 'during', 'after'] as const;
export type StallPhase = (typeof stallPhases)[number];

/** Time of single guest writes as their writer saw them, in microseconds; at most 6.25 % above the truth, `maxUs` exact. */
export interface StallSummary {
  readonly count: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

export type WorkloadOptions = Readonly<Record<string, number>>;

/**
 * Something real that keeps writing to its memory, in workers of this process.
 *
 * Ordering: whoever arms the memory disarms it before `stop()`, which gives the memory back.
 * Not handled: a second thread calling; every method belongs to the thread that started the workload.
 */
export interface Workload {
  readonly name: string;
  readonly options: WorkloadOptions;
  /** As of now. A memory that grows afterwards makes `saveState` fail, because the new pages would be missing from the image. */
  readonly memory: readonly MemoryRange[];
  /** Resolves when every writer is at rest. Idempotent. Rejects with WORKLOAD_WRITER_DIED, WORKLOAD_STOPPED or WORKLOAD_RESUMED. */
  pause(): Promise<void>;
  /** Lets the writers go on. Idempotent, allowed at any time. */
  resume(): Promise<void>;
  /** A fresh copy of what is not memory, as of the pause; only while paused. */
  saveState(): GuestState;
  /** From now on writes are timed under this name; starts as `before`. */
  phase(name: StallPhase): void;
  stalls(): Record<StallPhase, StallSummary>;
  progress(): { writes: number };
  /** Why a writer died, if one did. The others go on. */
  failure(): Error | undefined;
  /** A copy of all of `memory`, by name, for callers that cannot arm it; only while paused. */
  copyMemory(): Promise<Map<string, Uint8Array>>;
  /** Ends the workers and gives up the memory. Idempotent. */
  stop(): Promise<void>;
}

/** A complete image of a workload, from a peer or a file. Nothing in it is believed. */
export interface WorkloadImage {
  readonly state: GuestState;
  /** By region name. Not written to, not kept. */
  readonly regions: ReadonlyMap<string, Uint8Array>;
}

export interface OracleCheck {
  readonly name: string;
  readonly ok: boolean;
  /** One line for a person: what was counted, or the first thing that is wrong. */
  readonly detail: string;
}

export interface OracleReport {
  readonly ok: boolean;
  /** Number of the last write, operation or transaction that the image contains. */
  readonly cut: number;
  readonly checks: readonly OracleCheck[];
}

export interface VerifyOptions {
  readonly signal?: AbortSignal;
  /** Ends an oracle that replays for too long, which a hostile image can provoke. */
  readonly timeoutMs?: number;
}

/** Proves that an image is the workload's memory at the cut. */
export interface Oracle {
  readonly kind: string;
  /**
   * Wrong memory gives a report with `ok: false`; a state that cannot be read throws WORKLOAD_STATE_INVALID with a byte offset.
   * Time and memory are bounded whatever the image says; WORKLOAD_ORACLE_TIMEOUT when the time runs out.
   */
  verify(image: WorkloadImage, options?: VerifyOptions): Promise<OracleReport>;
}

/** Replaying some hours of a default load takes less; a workload that has run for days needs more. */
export const DEFAULT_VERIFY_TIMEOUT_MS = 120_000;

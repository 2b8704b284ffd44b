import type { FaultWaitUs } from './guest.ts';
import type { ConvergenceDecision, RoundNumbers } from './policy/convergence.ts';

export type MigrationMode = 'precopy' | 'postcopy' | 'hybrid';

/**
 * Where a source is: `connect` → `rounds` (not in post-copy) → `pause` (the guest stands still from here) → `final` → `drain` → `commit` →
 * in post-copy `serve` → `done`.
 */
export type SourcePhase = 'connect' | 'rounds' | 'pause' | 'final' | 'drain' | 'commit' | 'serve' | 'done';

/** Where a destination is: `connect` → `receive` → `prepare` → `wait` (for COMMIT) → `start` → in post-copy `fetch` → `done`. */
export type DestinationPhase = 'connect' | 'receive' | 'prepare' | 'wait' | 'start' | 'fetch' | 'done';

/** A phase has begun. */
export interface PhaseEvent<Phase> {
  readonly type: 'phase';
  readonly phase: Phase;
  readonly atNs: number;
}

/** A round has ended, and what the policy makes of it. */
export interface RoundEvent {
  readonly type: 'round';
  readonly atNs: number;
  readonly round: RoundNumbers;
  readonly estimates: Estimates;
  readonly decision: ConvergenceDecision;
}

export interface ProgressEvent<Progress> {
  readonly type: 'progress';
  readonly atNs: number;
  readonly progress: Progress;
}

/** The guest's writers are slowed from now on, for this share of their time. */
export interface BrakeEvent {
  readonly type: 'brake';
  readonly atNs: number;
  readonly share: number;
  readonly maxShare: number;
}

export type SourceEvents = PhaseEvent<SourcePhase> | RoundEvent | BrakeEvent | ProgressEvent<SourceProgress>;
export type DestinationEvents = PhaseEvent<DestinationPhase> | ProgressEvent<DestinationProgress>;

/** From what was measured so far; null before there is anything to go by. */
export interface Estimates {
  readonly dirtyBytesPerSecond: number | null;
  readonly bandwidthBytesPerSecond: number | null;
  readonly expectedDowntimeMs: number | null;
  /** Until the hand-over, if the guest goes on as it does; null when it will not converge. */
  readonly etaMs: number | null;
}

export interface SourceProgress {
  readonly phase: SourcePhase;
  readonly mode: MigrationMode;
  readonly elapsedMs: number;
  /** All pages of the guest. */
  readonly pages: number;
  readonly round: number;
  /** Of this round: pages to send, and those that are on their way. */
  readonly roundPages: number;
  readonly roundSentPages: number;
  readonly sentPages: number;
  readonly sentBytes: number;
  readonly estimates: Estimates;
  /** Post-copy: pages that the destination does not have yet. */
  readonly remainingPages: number;
  /** Post-copy: pages that were asked for. */
  readonly requestedPages: number;
}

export interface DestinationProgress {
  readonly phase: DestinationPhase;
  readonly elapsedMs: number;
  readonly pages: number;
  readonly missingPages: number;
  readonly receivedPages: number;
  readonly receivedBytes: number;
  readonly round: number;
}

/** How long the guest ran nowhere, and for what. */
export interface DowntimeMs {
  readonly totalMs: number;
  /** Until every writer stood still. */
  readonly pauseMs: number;
  /** Last dirty pages and the state, read and handed to the connection. */
  readonly finalRoundMs: number;
  /** Until the destination had taken and checked everything, and said so. */
  readonly drainMs: number;
  /** From COMMIT to STARTED, without the time that starting took. */
  readonly acknowledgementMs: number;
  /** Starting at the destination, as it measured it. */
  readonly resumeMs: number;
}

/** What a finished migration was, as its source saw it. */
export interface MigrationSummary {
  readonly mode: MigrationMode;
  /** Handed over with pages still to come. */
  readonly postcopy: boolean;
  readonly policy: string;
  readonly durationMs: number;
  readonly downtimeMs: number;
  readonly downtime: DowntimeMs;
  readonly rounds: readonly RoundNumbers[];
  /** The share of time for which writers were slowed in the end; 0 without a brake, and where rounds did without it. */
  readonly brakeShare: number;
  readonly memoryBytes: number;
  readonly pages: number;
  readonly sentPages: number;
  /** On all connections, headers included. */
  readonly sentBytes: number;
  /** `sentBytes` over `memoryBytes`. */
  readonly totalRatio: number;
  /** 16 hexadecimal digits: of the memory as of the hand-over. */
  readonly digest: string;
  /** Post-copy: pages that the destination had to ask for. */
  readonly requestedPages: number;
  readonly stateKind: string;
}

/** What a finished migration was, as its destination saw it. */
export interface ArrivalSummary {
  readonly postcopy: boolean;
  readonly durationMs: number;
  readonly pages: number;
  readonly memoryBytes: number;
  readonly receivedPages: number;
  readonly receivedBytes: number;
  readonly rounds: number;
  readonly digest: string;
  readonly stateKind: string;
  readonly startMs: number;
  /** Post-copy: pages that were touched before they came. */
  readonly requestedPages: number;
  /** Of these, those that came on a lane of faults. */
  readonly faultLanePages: number;
  /** Post-copy: how long who touched them waited; undefined where nobody measured. */
  readonly faultWaitUs?: FaultWaitUs | undefined;
}

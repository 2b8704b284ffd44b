import type { PageCodec, StreamLimits } from '@stillframe/page-stream';
import {
  type Clock,
  EventHub,
  monotonicClock,
  type Run,
  startRun,
  type Transport,
} from '@stillframe/snapshot';
import type { ArrivalSummary, DestinationEvents, DestinationProgress } from '../event.ts';
import type { MovingTarget } from '../guest.ts';
import type { DestinationRecord, HandOverRecord } from '../hand-over/record.ts';
import { type MigrationTimeouts, migrationTimeouts } from '../link/timeouts.ts';
import { DestinationMigration } from './destination-migration.ts';

export interface ReceiveGuestOptions {
  readonly target: MovingTarget;
  /** A source that wants to migrate has connected. Taken over, and closed in the end. */
  readonly transport: Transport;
  /**
   * The next connection to this destination; asked again and again while the migration goes on. Those that do not belong to it are
   * dropped. Needed for lanes and for recovery; a source without them does without.
   */
  readonly next?: (signal: AbortSignal) => Promise<Transport>;
  /** Where being prepared, and being the owner, is put on record. Nowhere when not given: for a guest that ends with this process. */
  readonly record?: HandOverRecord<DestinationRecord>;
  readonly codec?: PageCodec;
  /** Lowers the limits of the format; they bound what is allocated because a source says so (I-6). */
  readonly limits?: Partial<StreamLimits>;
  readonly clock?: Clock;
  readonly timeouts?: Partial<MigrationTimeouts>;
  /** Cancels until COMMIT has come: what was received is dropped. After that it changes nothing. */
  readonly signal?: AbortSignal;
  readonly progressIntervalMs?: number;
}

/** A guest that is being received. */
export interface ArrivalRun extends Run<DestinationEvents, ArrivalSummary> {
  progress(): DestinationProgress;
  /** The 16 bytes that tell this migration from others, as the source drew them; empty until it has said them. */
  streamId(): Uint8Array;
}

const DEFAULT_PROGRESS_INTERVAL_MS = 100;

/**
 * Receives a guest into `target` and starts it there. It begins at once.
 *
 * Resolves when the guest runs and is complete. Rejects with MigrationError: the target was told to discard, except with the codes
 * `undecided` (it is complete and was never started) and `split` (it was started, is paused, and pages are missing).
 */
export function receiveGuest(options: ReceiveGuestOptions): ArrivalRun {
  const events = new EventHub<DestinationEvents>(['progress']);
  const migration = new DestinationMigration({
    ...options,
    events,
    clock: options.clock ?? monotonicClock,
    timeouts: { ...migrationTimeouts, ...options.timeouts },
    progressIntervalMs: options.progressIntervalMs ?? DEFAULT_PROGRESS_INTERVAL_MS,
  });
  const run = startRun(events, options.signal, (signal) => migration.run(signal));
  return { ...run, progress: () => migration.progress(), streamId: () => migration.streamId };
}

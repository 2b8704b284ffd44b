import type { PageCodec } from '@stillframe/page-stream';
import {
  type Clock,
  EventHub,
  monotonicClock,
  type Run,
  startRun,
  type Transport,
} from '@stillframe/snapshot';
import type { MigrationMode, MigrationSummary, SourceEvents, SourceProgress } from '../event.ts';
import type { MovingGuest } from '../guest.ts';
import type { HandOverRecord, SourceRecord } from '../hand-over/record.ts';
import { type MigrationTimeouts, migrationTimeouts } from '../link/timeouts.ts';
import type { ConvergencePolicy } from '../policy/convergence.ts';
import { hybridPolicy, precopyPolicy } from '../policy/precopy-policy.ts';
import { BRAKE_SHARE_MAX } from './source-brake.ts';
import { SourceMigration } from './source-migration.ts';

export interface MigrateOptions {
  readonly guest: MovingGuest;
  /** Connected to a destination that accepts guests. Taken over, and closed in the end. */
  readonly transport: Transport;
  readonly mode: MigrationMode;
  /** When pre-copy stops, or switches. `precopyPolicy()` and `hybridPolicy()` by default. */
  readonly policy?: ConvergencePolicy;
  /**
   * Opens a further connection to the same destination: the lane of page requests in post-copy, which background pushing cannot delay then.
   * Without it requests are answered between two batches of the first connection.
   */
  readonly connect?: (signal: AbortSignal) => Promise<Transport>;
  /**
   * Opens one more that can be detached, for a lane of faults: where both sides have threads for it, pages that somebody waits for at the
   * destination are asked for and answered without JavaScript. Whatever becomes of it, the migration goes on without.
   */
  readonly connectFaults?: (signal: AbortSignal) => Promise<Transport>;
  /** Further connections for the pages of pre-copy, 0 to 16; they need `connect`. For links on which one connection does not get all there is. Default 0. */
  readonly lanes?: number;
  /**
   * Pre-copy: slow the guest's writers, for at most the share `maxShare` of their time (above 0, to 0.95), when rounds do not get shorter
   * otherwise. Not when not given.
   */
  readonly brake?: { readonly maxShare: number };
  /** Where giving up the guest is put on record. Nowhere when not given: for a guest that ends with this process. */
  readonly record?: HandOverRecord<SourceRecord>;
  /** Native speed for checksums. */
  readonly codec?: PageCodec;
  readonly clock?: Clock;
  readonly timeouts?: Partial<MigrationTimeouts>;
  /** Cancels until COMMIT: the guest goes on here. After that it changes nothing. */
  readonly signal?: AbortSignal;
  /** 16 bytes that tell this migration from others, and that lanes are known by: drawn at random when not given. */
  readonly streamId?: Uint8Array;
  /** Between two progress events; 100 when not given. */
  readonly progressIntervalMs?: number;
}

/** A migration that goes on. */
export interface MigrationRun extends Run<SourceEvents, MigrationSummary> {
  progress(): SourceProgress;
}

const DEFAULT_PROGRESS_INTERVAL_MS = 100;

/**
 * Moves a guest to the destination at the other end of `transport`. It begins at once.
 *
 * Resolves when the destination runs the guest and has everything, and `guest.release` is done. Rejects with MigrationError: the guest was
 * resumed here, except with the codes `indeterminate` and `split`, where it is paused and complete, and `guest-left-paused`.
 */
export function migrateGuest(options: MigrateOptions): MigrationRun {
  const maxShare = options.brake?.maxShare ?? BRAKE_SHARE_MAX;
  if (!(maxShare > 0 && maxShare <= BRAKE_SHARE_MAX)) {
    throw new RangeError(`brake.maxShare must be above 0, at most ${BRAKE_SHARE_MAX}, not ${maxShare}`);
  }
  const events = new EventHub<SourceEvents>(['progress']);
  const migration = new SourceMigration({
    ...options,
    events,
    clock: options.clock ?? monotonicClock,
    policy: options.policy ?? (options.mode === 'hybrid' ? hybridPolicy() : precopyPolicy()),
    timeouts: { ...migrationTimeouts, ...options.timeouts },
    progressIntervalMs: options.progressIntervalMs ?? DEFAULT_PROGRESS_INTERVAL_MS,
  });
  const run = startRun(events, options.signal, (signal) => migration.run(signal));
  return { ...run, progress: () => migration.progress() };
}

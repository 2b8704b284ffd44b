import {
  type ConvergencePolicy,
  type HandOverRecord,
  MigrationError,
  migrateGuest,
  type MigrationMode,
  type MigrationSummary,
  type MigrationTimeouts,
  type MovingGuest,
  type SourceRecord,
} from '@stillframe/migration';
import type { Transport } from '@stillframe/snapshot';
import type { CliContext } from '../cli.ts';
import { pageCodec } from '../codec.ts';
import type { Report } from '../report/report.ts';
import { watchMigration } from './watch-migration.ts';

/** How a guest moves, whichever it is. */
export interface RunMigrationOptions {
  readonly context: CliContext;
  readonly report: Report;
  readonly mode: MigrationMode;
  readonly policy: ConvergencePolicy;
  readonly timeouts: MigrationTimeouts;
  readonly signal: AbortSignal;
  readonly record: HandOverRecord<SourceRecord> | undefined;
  /** Further connections for pages. */
  readonly lanes: number;
  /** How much writers may be slowed when rounds do not do. */
  readonly brake: { readonly maxShare: number } | undefined;
  /** 16 random bytes that tell this migration from others, also in `record`. */
  readonly streamId: Uint8Array;
  /** A connection to the destination; called again for each lane. */
  readonly connect: () => Promise<Transport>;
  /** A plain one, which can be detached; undefined where there are none. */
  readonly connectFaults?: ((signal: AbortSignal) => Promise<Transport>) | undefined;
}

/** Moves a guest, and shows it, to the end. Throws what it fails with. */
export async function runMigration(
  guest: MovingGuest,
  options: RunMigrationOptions,
): Promise<MigrationSummary> {
  const { context, report, mode, policy, timeouts, signal, connect, record, lanes, brake } = options;
  const run = migrateGuest({
    guest,
    transport: await connect(),
    mode,
    policy,
    codec: pageCodec,
    timeouts,
    signal,
    connect,
    lanes,
    ...(options.connectFaults === undefined ? {} : { connectFaults: options.connectFaults }),
    streamId: options.streamId,
    ...(brake === undefined ? {} : { brake }),
    ...(record === undefined ? {} : { record }),
  });
  return await watchMigration(run, { context, report });
}

/** Nobody can know who owns the guest, or half of it is elsewhere: what is here stands still. */
export function isInDoubt(error: unknown): boolean {
  return error instanceof MigrationError && (error.code === 'indeterminate' || error.code === 'split');
}

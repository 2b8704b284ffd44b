import { randomBytes } from 'node:crypto';
import type { MigrationMode } from '@stillframe/migration';
import type { Transport } from '@stillframe/snapshot';
import type { CliContext } from '../cli.ts';
import { openConnection } from '../io/open-connection.ts';
import { openPeer } from '../io/open-peer.ts';
import type { Credentials } from '../io/tls-credentials.ts';
import type { Endpoint } from '../options/endpoint.ts';
import { BEFORE_DEFAULT_MS, type GuestFlags, parseMs } from '../options/guest-options.ts';
import {
  chooseMovingGuest,
  chooseMovingMachine,
  type MovingGuestFlags,
} from '../options/moving-guest-options.ts';
import {
  chooseBrake,
  chooseLanes,
  choosePolicy,
  type MigrationFlags,
  migrationTimeoutsFrom,
} from '../options/migration-options.ts';
import { chooseRetry, type RetryFlags } from '../options/retry-options.ts';
import { peerTimeoutsFrom, type TimeoutFlags, withTimeout } from '../options/timeouts.ts';
import { beginRecord, handOverFile, settleRecord } from './hand-over-file.ts';
import { migrateMachine } from '../qemu/migrate-machine.ts';
import { migrateSource } from './migrate-source.ts';
import type { RunMigrationOptions } from './run-migration.ts';
import { migrationFields, migrationText } from './migration-text.ts';
import { chooseHalf } from '../options/half-options.ts';

export interface MoveGuestOptions {
  readonly endpoint: Endpoint;
  readonly credentials: Credentials | undefined;
  readonly flags: GuestFlags &
    MovingGuestFlags &
    MigrationFlags &
    RetryFlags &
    TimeoutFlags & { readonly json?: boolean };
  readonly context: CliContext;
}

/** FORMAT.md: what tells one stream from others. */
const STREAM_ID_BYTES = 16;

/** `migrate source --mode precopy|postcopy|hybrid`. */
export async function moveGuest(mode: MigrationMode, options: MoveGuestOptions): Promise<void> {
  const { endpoint, credentials, flags, context } = options;
  const machine = chooseMovingMachine(flags);
  const saveHalf = await chooseHalf(flags, machine === undefined);
  const guest = machine === undefined ? await chooseMovingGuest(flags) : undefined;
  // After such a hand-over the guest needs both sides: a link that breaks has to come back.
  const retry = chooseRetry(mode === 'precopy' ? flags : { retry: true, ...flags });
  const report = context.report(flags.json === true);
  const signal = withTimeout(context.signal, flags);
  const streamId = new Uint8Array(randomBytes(STREAM_ID_BYTES));
  const record =
    flags.record === undefined ? undefined : handOverFile('source', flags.record, () => streamId);
  const how: RunMigrationOptions = {
    context,
    report,
    mode,
    policy: choosePolicy(mode, flags),
    timeouts: migrationTimeoutsFrom(peerTimeoutsFrom(flags, retry?.budgetMs)),
    signal,
    lanes: chooseLanes(flags),
    brake: chooseBrake(flags),
    record,
    streamId,
    connectFaults: credentials === undefined ? (until) => openPlain(endpoint, until) : undefined,
    connect: async () => (await openPeer({ endpoint, credentials, retry, report, signal })).transport,
  };
  const beforeMs = parseMs(flags.beforeMs, '--before-ms', BEFORE_DEFAULT_MS);
  if (record !== undefined) await beginRecord(record, flags.record!);
  const summary =
    machine === undefined
      ? await migrateSource({ ...how, ...guest!, beforeMs, saveHalf })
      : await migrateMachine({ ...how, machine });
  if (record !== undefined) await settleRecord(flags.record!, streamId);
  report.result(migrationText(summary), migrationFields(summary));
}

function openPlain(endpoint: Endpoint, signal: AbortSignal): Promise<Transport> {
  return openConnection(endpoint, undefined, signal);
}

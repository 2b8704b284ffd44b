import type { MigrationMode } from '@stillframe/migration';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { openPeer } from '../io/open-peer.ts';
import type { Credentials } from '../io/tls-credentials.ts';
import type { Endpoint } from '../options/endpoint.ts';
import { BEFORE_DEFAULT_MS, type GuestFlags, parseMs } from '../options/guest-options.ts';
import { choosePolicy, type MigrationFlags, migrationTimeoutsFrom } from '../options/migration-options.ts';
import { chooseRetry, type RetryFlags } from '../options/retry-options.ts';
import { peerTimeoutsFrom, type TimeoutFlags, withTimeout } from '../options/timeouts.ts';
import { parseWorkload } from '../workloads/index.ts';
import { movableWorkload } from './bundled.ts';
import { migrateSource } from './migrate-source.ts';
import { migrationFields, migrationText } from './migration-text.ts';

export interface MoveGuestOptions {
  readonly endpoint: Endpoint;
  readonly credentials: Credentials | undefined;
  readonly flags: GuestFlags & MigrationFlags & RetryFlags & TimeoutFlags & { readonly json?: boolean };
  readonly context: CliContext;
}

/** `migrate source --mode precopy|postcopy|hybrid`. */
export async function moveGuest(mode: MigrationMode, options: MoveGuestOptions): Promise<void> {
  const { endpoint, credentials, flags, context } = options;
  const spec = parseWorkload(workloadOf(flags));
  const retry = chooseRetry(flags);
  const report = context.report(flags.json === true);
  const signal = withTimeout(context.signal, flags);
  const summary = await migrateSource({
    context,
    report,
    movable: movableWorkload(spec),
    options: Object.fromEntries(Object.entries(spec.options).map(([key, value]) => [key, String(value)])),
    mode,
    policy: choosePolicy(mode, flags),
    timeouts: migrationTimeoutsFrom(peerTimeoutsFrom(flags, retry?.budgetMs)),
    beforeMs: parseMs(flags.beforeMs, '--before-ms', BEFORE_DEFAULT_MS),
    signal,
    connect: async () => (await openPeer({ endpoint, credentials, retry, report, signal })).transport,
  });
  report.result(migrationText(summary), migrationFields(summary));
}

function workloadOf({ workload, pid }: GuestFlags): string {
  if (workload !== undefined && pid === undefined) return workload;
  throw new CliError('USAGE', 'which guest moves? --workload is missing, or --pid was given', {
    hint: 'For example --workload counter,size=256MiB. A foreign process can be pictured, but not moved.',
  });
}

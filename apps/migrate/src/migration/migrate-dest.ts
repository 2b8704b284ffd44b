import { setTimeout as sleep } from 'node:timers/promises';
import { type ArrivalSummary, type MigrationTimeouts, receiveGuest } from '@stillframe/migration';
import type { Transport } from '@stillframe/snapshot';
import type { CliContext } from '../cli.ts';
import { pageCodec } from '../codec.ts';
import { CliError } from '../cli-error.ts';
import type { Report } from '../report/report.ts';
import { arrivalText } from './migration-text.ts';
import { movableTarget, type MovableTargetOptions } from './movable-target.ts';
import type { RunningMovable } from './movable.ts';
import { watchArrival } from './watch-migration.ts';

export interface MigrateDestOptions extends MovableTargetOptions {
  readonly context: CliContext;
  readonly report: Report;
  readonly transport: Transport;
  /** The next connection of this source. */
  readonly next: (signal: AbortSignal) => Promise<Transport>;
  readonly timeouts: MigrationTimeouts;
  readonly signal: AbortSignal;
  /** How long the guest goes on here; until `signal` when not given. */
  readonly keepMs: number | undefined;
}

/** Between two looks at whether its memory is right. */
const VERIFY_EVERY_MS = 2000;

/** Receives a guest and lets it run here; resolves when it has run for `keepMs`. */
export async function migrateDest(options: MigrateDestOptions): Promise<void> {
  const { context, report, signal, timeouts, transport, next } = options;
  const target = movableTarget(options);
  try {
    const run = receiveGuest({ target, transport, next, codec: pageCodec, timeouts, signal });
    const arrival = await watchArrival(run, { context, report });
    report.talk(arrivalText(arrival));
    report.event({ type: 'arrived', ...arrival });
    const checks = await live(target.running!, options);
    finish(arrival, checks, report);
  } finally {
    await target.running?.stop('ended');
  }
}

interface Checks {
  readonly count: number;
  readonly last: string;
}

/** Lets the guest go on, and asks its oracle again and again. */
async function live(
  running: RunningMovable,
  { keepMs, signal, report }: MigrateDestOptions,
): Promise<Checks> {
  const endMs = keepMs === undefined ? Infinity : performance.now() + keepMs;
  let count = 0;
  let last = 'the guest has no oracle';
  for (;;) {
    const restMs = Math.min(VERIFY_EVERY_MS, endMs - performance.now());
    // oxlint-disable-next-line no-await-in-loop -- while it lives
    await sleep(Math.max(0, restMs), undefined, { signal }).catch(() => undefined);
    const failure = running.failure?.();
    if (failure !== undefined) throw failure;
    // oxlint-disable-next-line no-await-in-loop -- as above
    const check = await verify(running);
    if (check !== undefined) {
      count += 1;
      last = check;
      report.event({ type: 'verify', verified: true, message: check });
    }
    if (signal.aborted || performance.now() >= endMs) return { count, last };
  }
}

async function verify(running: RunningMovable): Promise<string | undefined> {
  if (running.verify === undefined) return undefined;
  await running.pause();
  const { ok, detail } = await running.verify();
  if (!ok) throw new CliError('DIFFERENT', `the memory of the guest is wrong: ${detail}`);
  await running.resume();
  return detail;
}

function finish(arrival: ArrivalSummary, { count, last }: Checks, report: Report): void {
  const verified = count > 0;
  report.result(
    `  verified      ${verified ? `digest, and ${count} times the oracle: ${last}` : `digest; ${last}`}`,
    {
      type: 'summary',
      outcome: 'done',
      mode: arrival.postcopy ? 'postcopy' : 'precopy',
      into: 'guest',
      ...arrival,
      bytes: arrival.receivedBytes,
      oracleChecks: count,
      verified,
    },
  );
}

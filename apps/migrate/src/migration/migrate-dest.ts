import {
  type ArrivalRun,
  type ArrivalSummary,
  type MigrationTimeouts,
  receiveGuest,
} from '@stillframe/migration';
import type { Transport } from '@stillframe/snapshot';
import type { CliContext } from '../cli.ts';
import { pageCodec } from '../codec.ts';
import { keepHalf } from '../halves/keep-half.ts';
import type { HalfFile } from '../options/half-options.ts';
import type { Report } from '../report/report.ts';
import { handOverFile } from './hand-over-file.ts';
import type { ArrivalPlace, Life } from './arrival-place.ts';
import { arrivalText } from './migration-text.ts';
import { watchArrival } from './watch-migration.ts';

export interface MigrateDestOptions {
  readonly context: CliContext;
  readonly report: Report;
  readonly place: ArrivalPlace;
  readonly transport: Transport;
  /** The next connection of this source. */
  readonly next: (signal: AbortSignal) => Promise<Transport>;
  readonly timeouts: MigrationTimeouts;
  readonly signal: AbortSignal;
  /** A file that says who owns the guest. */
  readonly record: string | undefined;
  /** Where what has come is saved when the rest will not. */
  readonly saveHalf: HalfFile | undefined;
  /** How long the guest goes on here; until `signal` when not given. */
  readonly keepMs: number | undefined;
}

/** Receives a guest and lets it run here; resolves when it has run for `keepMs`, or when its child has ended. */
export async function migrateDest(options: MigrateDestOptions): Promise<void> {
  const { context, report, place, signal, timeouts, transport, next, keepMs, record } = options;
  try {
    const { target } = place;
    const run: ArrivalRun = receiveGuest({
      target,
      transport,
      next,
      codec: pageCodec,
      timeouts,
      signal,
      ...(record === undefined ? {} : { record: handOverFile('destination', record, () => run.streamId()) }),
    });
    const arrival = await watchArrival(run, { context, report }).catch(async (error: unknown) => {
      const { saveHalf: file } = options;
      if (file === undefined || place.half === undefined) throw error;
      const half = () => place.half!();
      throw await keepHalf(error, { file, report, side: 'destination', streamId: run.streamId(), half });
    });
    report.talk(arrivalText(arrival));
    report.event({ type: 'arrived', ...arrival });
    const onVerified = (message: string) => report.event({ type: 'verify', verified: true, message });
    const life = await place.live({ keepMs, signal, onVerified });
    finish(arrival, life, report);
    if (life.exitCode !== 0) context.setExitCode(life.exitCode);
  } finally {
    await place.end();
  }
}

function finish(arrival: ArrivalSummary, { checks, last }: Life, report: Report): void {
  const verified = checks > 0;
  report.result(
    `  verified      ${verified ? `digest, and ${checks} times the oracle: ${last}` : `digest; ${last}`}`,
    {
      type: 'summary',
      outcome: 'done',
      mode: arrival.postcopy ? 'postcopy' : 'precopy',
      into: 'guest',
      ...arrival,
      bytes: arrival.receivedBytes,
      faultP99Us: arrival.faultWaitUs?.p99 ?? 0,
      oracleChecks: checks,
      verified,
    },
  );
}

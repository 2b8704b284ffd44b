import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationSummary, MovingGuest } from '@stillframe/migration';
import { keepHalf } from '../halves/keep-half.ts';
import type { GuestHalf } from '../halves/save-half.ts';
import type { HalfFile } from '../options/half-options.ts';
import { movableGuest } from './movable-guest.ts';
import type { Movable, RunningMovable } from './movable.ts';
import { isInDoubt, runMigration, type RunMigrationOptions } from './run-migration.ts';

export interface MigrateSourceOptions extends RunMigrationOptions {
  readonly movable: Movable;
  readonly options: Readonly<Record<string, string>>;
  /** It has users: when the move fails, it goes on here until `signal`. */
  readonly stays: boolean;
  /** Where it is saved when nobody knows who owns it, or half of it is elsewhere. */
  readonly saveHalf: HalfFile | undefined;
  /** Let the guest run so long before it moves. */
  readonly beforeMs: number;
}

/** Starts a guest and moves it. Whatever happens before the hand-over, it goes on here, and that is told before the failure is. */
export async function migrateSource(options: MigrateSourceOptions): Promise<MigrationSummary> {
  const { report, movable, signal } = options;
  report.talk(`starting the guest ${movable.name}`);
  const running = await movable.start(options.options);
  try {
    const { address } = running;
    report.event({ type: 'guest', state: 'running', name: movable.name, address });
    if (address !== undefined) report.talk(`its users find it at ${address}`);
    await sleep(options.beforeMs, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
    return await move(running, options);
  } finally {
    await running.stop('ended');
  }
}

async function move(running: RunningMovable, options: MigrateSourceOptions): Promise<MigrationSummary> {
  const { report, movable, signal, streamId } = options;
  const guest = movableGuest(movable.name, running);
  try {
    return await runMigration(guest, options);
  } catch (cause) {
    const { saveHalf: file } = options;
    const half = () => wholeOf(guest);
    const error =
      file === undefined ? cause : await keepHalf(cause, { file, report, side: 'source', streamId, half });
    const failure = running.failure?.();
    const state = failure !== undefined ? 'dead' : isInDoubt(error) ? 'paused' : 'here';
    report.event({ type: 'guest', state, name: movable.name });
    if (options.stays && state !== 'dead' && !signal.aborted) await stayHere(error, options);
    throw error;
  }
}

/** The source has all of it, as of the hand-over. */
async function wholeOf(guest: MovingGuest): Promise<GuestHalf> {
  return {
    regions: guest.regions,
    state: await guest.saveState(),
    missing: [],
    readPages: (region, page, into) => guest.readPages(region, page, into),
  };
}

/** The move has failed, its users have not: the guest stays until somebody ends it. */
async function stayHere(cause: unknown, { report, movable, signal }: MigrateSourceOptions): Promise<void> {
  const why = cause instanceof Error ? cause.message : String(cause);
  const how = isInDoubt(cause) ? 'is kept here, paused' : 'goes on here';
  report.talk(`the guest ${movable.name} ${how}, because the move failed (${why}); end it with Ctrl-C`);
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

import {
  hybridPolicy,
  type MigrationMode,
  type MigrationTimeouts,
  precopyPolicy,
} from '@stillframe/migration';
import { MAX_LANES } from '@stillframe/page-stream';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import type { PeerTimeouts } from '@stillframe/snapshot';
import { addSaveHalf, type HalfFlags } from './half-options.ts';

export interface MigrationFlags extends HalfFlags {
  readonly mode?: string;
  readonly downtimeMs?: string;
  readonly maxRounds?: string;
  readonly record?: string;
  readonly lanes?: string;
  readonly brake?: string;
}

export const migrationModes: readonly MigrationMode[] = ['precopy', 'postcopy', 'hybrid'];

/** A day: more is a mistake in the unit. */
const DOWNTIME_MAX_MS = 86_400_000;
const ROUNDS_MAX = 10_000;

export function addMigrationOptions(command: Command): Command {
  return addSaveHalf(command, 'source')
    .option('--downtime-ms <MS>', 'precopy, hybrid: how long the guest may stand still (default: 300)')
    .option(
      '--record <FILE>',
      'when the guest moves: note durably who owns it, for `migrate reconcile` after a broken hand-over',
    )
    .option(
      '--lanes <N>',
      `precopy, hybrid: so many further connections for pages, to ${MAX_LANES} (default: 0)`,
    )
    .option(
      '--brake <PERCENT>',
      'precopy: when rounds do not get shorter, slow the guest’s writers for at most so much of their time, 1 to 95',
    )
    .option('--max-rounds <N>', 'precopy: give up after so many rounds; hybrid: switch (default: 30)');
}

/** Undefined for a picture. */
export function chooseMode({ mode }: MigrationFlags): MigrationMode | undefined {
  return migrationModes.find((known) => known === mode);
}

export function choosePolicy(mode: MigrationMode, flags: MigrationFlags) {
  const options = {
    ...(flags.downtimeMs === undefined
      ? {}
      : { downtimeMs: parse(flags.downtimeMs, '--downtime-ms', 'milliseconds', DOWNTIME_MAX_MS) }),
    ...(flags.maxRounds === undefined
      ? {}
      : { maxRounds: Math.ceil(parse(flags.maxRounds, '--max-rounds', 'a number', ROUNDS_MAX)) }),
  };
  return mode === 'hybrid' ? hybridPolicy(options) : precopyPolicy(options);
}

const BRAKE_MAX_PERCENT = 95;

/** The most that writers are slowed; undefined without `--brake`. */
export function chooseBrake({ brake }: MigrationFlags): { readonly maxShare: number } | undefined {
  if (brake === undefined) return undefined;
  return { maxShare: parse(brake, '--brake', 'a percentage', BRAKE_MAX_PERCENT) / 100 };
}

/** Further connections. */
export function chooseLanes({ lanes }: MigrationFlags): number {
  if (lanes === undefined) return 0;
  if (/^\d{1,2}$/.test(lanes) && Number(lanes) <= MAX_LANES) return Number(lanes);
  throw new CliError('USAGE', `--lanes takes a number from 0 to ${MAX_LANES}, not ${JSON.stringify(lanes)}`, {
    hint: 'For example --lanes 3',
  });
}

/** The guest stands still while a peer is silent in a hand-over, so long waits are for the rest. */
export function migrationTimeoutsFrom(peer: PeerTimeouts): MigrationTimeouts {
  return {
    helloMs: peer.helloMs,
    writeMs: peer.writeMs,
    silenceMs: peer.silenceMs,
    preparedMs: peer.writeMs,
    handOverMs: peer.writeMs,
  };
}

function parse(text: string, flag: string, what: string, max: number): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= max) return value;
  throw new CliError('USAGE', `${flag} takes ${what} above 0, at most ${max}, not ${JSON.stringify(text)}`, {
    hint: `For example ${flag} 30`,
  });
}

import type { MigrationMode } from '@stillframe/migration';
import { CliError } from '../cli-error.ts';

/** Flags by their names in the parser; what was not given is undefined. */
type Given = Readonly<Record<string, unknown>>;

const OF_PICTURES: Readonly<Record<string, string>> = {
  filter: '--filter',
  includeDontdump: '--include-dontdump',
  copyMax: '--copy-max',
  afterMs: '--after-ms',
  limiter: '--limiter',
  config: '--config',
  preImagesMax: '--pre-images-max',
  overflow: '--overflow',
  discarded: '--discarded',
  spillDirectory: '--spill-directory',
  compress: '--compress',
  chunk: '--chunk',
  sameAs: '--same-as',
  control: '--control',
  trace: '--trace',
};

const OF_ROUNDS: Readonly<Record<string, string>> = {
  downtimeMs: '--downtime-ms',
  maxRounds: '--max-rounds',
  lanes: '--lanes',
};

const OF_MOVES: Readonly<Record<string, string>> = {
  ...OF_ROUNDS,
  record: '--record',
  serve: '--serve',
  movedTo: '--moved-to',
  guestModule: '--guest-module',
};

/**
 * `mode` is undefined for a picture. Throws CliError USAGE for an option that would do nothing: whoever bounds a rate or names a file
 * relies on it.
 */
export function assertFitsMode(mode: MigrationMode | undefined, flags: object): void {
  const given: Given = { ...flags };
  if (mode === undefined) {
    refuse(
      given,
      OF_MOVES,
      'without a --mode in which the guest moves',
      'Give --mode precopy, postcopy or hybrid, or leave',
    );
    return;
  }
  refuse(given, OF_PICTURES, `with --mode ${mode}`, 'It is for pictures (--mode snapshot): leave');
  if (mode === 'postcopy')
    refuse(given, OF_ROUNDS, 'with --mode postcopy', 'It is for rounds (precopy, hybrid): leave');
  if (given['movedTo'] !== undefined && given['serve'] === undefined) {
    throw new CliError('USAGE', '--moved-to does nothing without --serve', {
      hint: 'Say with --serve HOST:PORT where clients find the store here.',
    });
  }
}

function refuse(given: Given, names: Readonly<Record<string, string>>, where: string, hint: string): void {
  const [, flag] = Object.entries(names).find(([name]) => given[name] !== undefined) ?? [];
  if (flag === undefined) return;
  throw new CliError('USAGE', `${flag} does nothing ${where}`, { hint: `${hint} it out.` });
}

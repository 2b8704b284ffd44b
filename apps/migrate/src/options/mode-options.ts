import type { MigrationMode } from '@stillframe/migration';
import { CAPTURE_FLAGS, type FlagNames, refuseWithoutEffect } from './no-effect.ts';

const OF_PICTURES: FlagNames = {
  ...CAPTURE_FLAGS,
  filter: '--filter',
  includeDontdump: '--include-dontdump',
  copyMax: '--copy-max',
  afterMs: '--after-ms',
  spillDirectory: '--spill-directory',
  compress: '--compress',
  chunk: '--chunk',
  sameAs: '--same-as',
};

const OF_ROUNDS: FlagNames = {
  downtimeMs: '--downtime-ms',
  maxRounds: '--max-rounds',
  lanes: '--lanes',
};

const OF_MOVES: FlagNames = {
  ...OF_ROUNDS,
  brake: '--brake',
  record: '--record',
  saveHalf: '--save-half',
  serve: '--serve',
  movedTo: '--moved-to',
  guestModule: '--guest-module',
};

/** `mode` is undefined for a picture. Throws CliError USAGE for an option of another mode. */
export function assertFitsMode(
  mode: MigrationMode | undefined,
  flags: { readonly serve?: string; readonly movedTo?: string },
): void {
  if (mode === undefined) {
    const hint = 'Give --mode precopy, postcopy or hybrid, or leave it out.';
    refuseWithoutEffect(flags, OF_MOVES, 'without a --mode in which the guest moves', hint);
    return;
  }
  const where = `with --mode ${mode}`;
  refuseWithoutEffect(flags, OF_PICTURES, where, 'It is for pictures (--mode snapshot): leave it out.');
  if (mode === 'postcopy') {
    refuseWithoutEffect(flags, OF_ROUNDS, where, 'It is for rounds (precopy, hybrid): leave it out.');
  }
  if (mode !== 'precopy') {
    refuseWithoutEffect(
      flags,
      { brake: '--brake' },
      where,
      'Only precopy has to wait for the guest to slow down.',
    );
  }
  if (flags.serve === undefined) {
    const hint = 'Say with --serve HOST:PORT where clients find the store here.';
    refuseWithoutEffect(flags, { movedTo: '--moved-to' }, 'without --serve', hint);
  }
}

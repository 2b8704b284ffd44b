import type { SealKey } from '@stillframe/sealed-file';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { imagePath } from '../io/image-path.ts';
import { keyOfFile, keyOfPassphrase } from './key-options.ts';
import { refuseWithoutEffect } from './no-effect.ts';

export interface HalfFlags {
  readonly saveHalf?: string;
  readonly keyFile?: string;
  readonly passphraseFile?: string;
}

/** Where a half goes. */
export interface HalfFile {
  readonly path: string;
  /** Seals it; undefined for a plain image. */
  readonly key: SealKey | undefined;
}

export function addSaveHalf(command: Command, side: 'source' | 'dest'): Command {
  return command.option(
    '--save-half <PATH>',
    side === 'source'
      ? 'when the guest moves and the link is lost for good after the hand-over: save it here, for `migrate reconcile --join`'
      : 'with --once: when a guest that moves here will not get the rest of its memory, save what has come, for `migrate reconcile --join`',
  );
}

/** On a source, which has no other use for a key; nobody is there to be asked for a passphrase when the half is opened again, so it is not typed. */
export function addHalfKey(command: Command): Command {
  return command
    .option('--key-file <FILE>', 'the half of --save-half is sealed with it; `migrate key` makes one')
    .option('--passphrase-file <FILE>', 'as --key-file, with the first line of FILE as passphrase');
}

/**
 * Undefined when it was not given. `key`: one that was chosen already. Throws CliError USAGE when the guest's memory is not in this process, FILE, and
 * as `chooseKey`.
 */
export async function chooseHalf(
  { saveHalf, keyFile, passphraseFile }: HalfFlags,
  isHere: boolean,
  key?: SealKey,
): Promise<HalfFile | undefined> {
  if (saveHalf === undefined) return undefined;
  if (!isHere) {
    throw new CliError('USAGE', '--save-half is for guests whose memory is in this process', {
      hint: 'A machine or a program keeps its memory itself when the move fails: leave it out.',
    });
  }
  await imagePath(saveHalf);
  if (key !== undefined) return { path: saveHalf, key };
  if (keyFile !== undefined && passphraseFile !== undefined) {
    throw new CliError('USAGE', '--key-file and --passphrase-file do not go together', {
      hint: 'Give the one that the half is to be sealed with.',
    });
  }
  if (keyFile !== undefined) return { path: saveHalf, key: await keyOfFile(keyFile, '--key-file') };
  if (passphraseFile === undefined) return { path: saveHalf, key: undefined };
  return { path: saveHalf, key: await keyOfPassphrase(passphraseFile, '--passphrase-file') };
}

/** Of a source: what it sends is not sealed. Throws CliError USAGE. */
export function assertKeyHasHalf(flags: HalfFlags): void {
  if (flags.saveHalf !== undefined) return;
  const names = { keyFile: '--key-file', passphraseFile: '--passphrase-file' };
  refuseWithoutEffect(
    flags,
    names,
    'without --save-half',
    'The destination seals what it stores: give it the key.',
  );
}

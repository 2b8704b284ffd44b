import type { SealKey } from '@stillframe/sealed-file';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { keyOfFile, keyOfPassphrase } from './key-options.ts';

export interface OutKeyFlags {
  readonly outKeyFile?: string;
  readonly outPassphraseFile?: string;
  readonly outPlain?: boolean;
}

/** Another key for what is written than for what is read. */
export function addOutKeyOptions(command: Command): Command {
  return command
    .option(
      '--out-key-file <FILE>',
      'seal the new image with this key (default: the key of PATH, if it is sealed)',
    )
    .option('--out-passphrase-file <FILE>', 'as --out-key-file, with the first line of FILE as passphrase')
    .option('--out-plain', 'do not seal the new image, though PATH is sealed');
}

/**
 * The key of the new image; undefined for a plain one. `key`: that of the images that are read. Throws CliError USAGE for two flags, and as
 * `chooseKey`.
 */
export async function chooseOutKey(
  flags: OutKeyFlags,
  key: SealKey | undefined,
): Promise<SealKey | undefined> {
  const { outKeyFile, outPassphraseFile, outPlain } = flags;
  const given = {
    '--out-key-file': outKeyFile,
    '--out-passphrase-file': outPassphraseFile,
    '--out-plain': outPlain,
  };
  const names = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length > 1) {
    throw new CliError('USAGE', `${names.join(' and ')} do not go together`, {
      hint: 'Give the one that the new image is to have.',
    });
  }
  if (outKeyFile !== undefined) return await keyOfFile(outKeyFile, '--out-key-file');
  if (outPassphraseFile !== undefined)
    return await keyOfPassphrase(outPassphraseFile, '--out-passphrase-file');
  return outPlain === true ? undefined : key;
}

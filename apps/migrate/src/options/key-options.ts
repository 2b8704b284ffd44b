import { SealKey } from '@stillframe/sealed-file';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { readSecretFile } from '../io/secret-file.ts';

export interface KeyFlags {
  readonly keyFile?: string;
  readonly passphraseFile?: string;
}

/** `--key-file` and `--passphrase-file`. Never the secret itself: every user can read the arguments of a process. */
export function addKeyOptions(command: Command): Command {
  return command
    .option(
      '--key-file <FILE>',
      'images are sealed with it: encrypted and authenticated; `migrate key` makes one',
    )
    .option('--passphrase-file <FILE>', 'as --key-file, with the first line of FILE as passphrase');
}

/**
 * The key that all images of a command are sealed with; undefined for plain images. Throws CliError USAGE for both flags, FILE, and REFUSED
 * where others can read the file or no key can be made of it.
 */
export async function chooseKey({ keyFile, passphraseFile }: KeyFlags): Promise<SealKey | undefined> {
  if (keyFile !== undefined && passphraseFile !== undefined) {
    throw new CliError('USAGE', '--key-file and --passphrase-file do not go together', {
      hint: 'Give the one that the image was, or is to be, sealed with.',
    });
  }
  if (keyFile !== undefined) {
    const content = await readSecretFile(keyFile, '--key-file');
    return made('--key-file', 'Make one with `migrate key --out FILE`.', () => SealKey.fromKeyFile(content));
  }
  if (passphraseFile === undefined) return undefined;
  const [line = ''] = (await readSecretFile(passphraseFile, '--passphrase-file'))
    .toString('utf8')
    .split(/\r?\n/);
  return made('--passphrase-file', 'Its first line is the passphrase.', () => SealKey.fromPassphrase(line));
}

function made(flag: string, hint: string, make: () => SealKey): SealKey {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new CliError('REFUSED', `${flag}: ${cause.message}`, { hint, cause });
  }
}

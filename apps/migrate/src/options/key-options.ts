import { SealKey } from '@stillframe/sealed-file';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { askOnTerminal, type AskSecret } from '../io/ask-secret.ts';
import { readSecretFile } from '../io/secret-file.ts';
import type { ConfigFile } from './config-file.ts';

export interface KeyFlags {
  readonly keyFile?: string;
  readonly passphraseFile?: string;
  readonly passphrase?: boolean;
}

export interface KeySource {
  readonly signal: AbortSignal;
  /** The first image is sealed with it: a typing error would lock it for ever, so a passphrase is asked for twice. */
  readonly isNew?: boolean;
  /** Its keys count where no flag is given. */
  readonly file?: ConfigFile;
  readonly ask?: AskSecret;
}

/** Where a key comes from. Never the secret itself: every user can read the arguments of a process, and many its environment. */
export function addKeyOptions(command: Command): Command {
  return command
    .option(
      '--key-file <FILE>',
      'images are sealed with it: encrypted and authenticated; `migrate key` makes one',
    )
    .option('--passphrase-file <FILE>', 'as --key-file, with the first line of FILE as passphrase')
    .option('--passphrase', 'as --passphrase-file, but ask on the terminal');
}

/**
 * The key that all images of a command are sealed with; undefined for plain images. Throws CliError USAGE for two flags or without a terminal, FILE,
 * REFUSED where others can read the file or no key can be made of it, and Interrupted.
 */
export async function chooseKey(flags: KeyFlags, source: KeySource): Promise<SealKey | undefined> {
  const { keyFile, passphraseFile, passphrase } = isGiven(flags) ? flags : keysOf(source.file);
  const given = { '--key-file': keyFile, '--passphrase-file': passphraseFile, '--passphrase': passphrase };
  const names = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length > 1) {
    throw new CliError('USAGE', `${names.join(' and ')} do not go together`, {
      hint: 'Give the one that the image was, or is to be, sealed with.',
    });
  }
  if (keyFile !== undefined) return await keyOfFile(keyFile, '--key-file');
  if (passphraseFile !== undefined) return await keyOfPassphrase(passphraseFile, '--passphrase-file');
  if (passphrase !== true) return undefined;
  const typed = await askFor(source);
  return made('--passphrase', 'Type one or more characters.', () => SealKey.fromPassphrase(typed));
}

/** `flag` names it in errors. */
export async function keyOfFile(file: string, flag: string): Promise<SealKey> {
  const content = await readSecretFile(file, flag);
  return made(flag, 'Make one with `migrate key --out FILE`.', () => SealKey.fromKeyFile(content));
}

/** Of the first line of `file`. */
export async function keyOfPassphrase(file: string, flag: string): Promise<SealKey> {
  const content = await readSecretFile(file, flag);
  const [line = ''] = content.toString('utf8').split(/\r?\n/);
  return made(flag, 'Its first line is the passphrase.', () => SealKey.fromPassphrase(line));
}

function isGiven({ keyFile, passphraseFile, passphrase }: KeyFlags): boolean {
  return keyFile !== undefined || passphraseFile !== undefined || passphrase !== undefined;
}

function keysOf({ keyFile, passphraseFile }: ConfigFile = {}): KeyFlags {
  return {
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(passphraseFile === undefined ? {} : { passphraseFile }),
  };
}

async function askFor({ signal, isNew = false, ask = askOnTerminal }: KeySource): Promise<string> {
  const typed = await ask('Passphrase: ', signal);
  if (isNew && typed !== '' && (await ask('The same passphrase again: ', signal)) !== typed) {
    throw new CliError('USAGE', 'the two passphrases are not the same', {
      hint: 'Nothing was written. Start again.',
    });
  }
  return typed;
}

function made(flag: string, hint: string, make: () => SealKey): SealKey {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new CliError('REFUSED', `${flag}: ${cause.message}`, { hint, cause });
  }
}

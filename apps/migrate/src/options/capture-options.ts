import path from 'node:path';
import { LimiterConfigError, parseBytes } from '@stillframe/limiter';
import type { CaptureOptions } from '@stillframe/snapshot';
import { PRE_IMAGES_DEFAULT_BYTES } from '@stillframe/uffd';
import { type Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import { type LimiterChoice, makeLimiter } from './limiter-choice.ts';

/** How a guest is captured, from flags over the config file over defaults. */
export interface CaptureChoice extends LimiterChoice {
  readonly capture: CaptureOptions;
  readonly spillDirectory?: string;
  /** The config file as it was read; empty without one. */
  readonly file: ConfigFile;
}

export interface CaptureFlags {
  readonly config?: string;
  readonly limiter?: string;
  readonly preImagesMax?: string;
  readonly overflow?: 'spill' | 'stall' | 'abort';
  readonly spillDirectory?: string;
  readonly discarded?: 'fail' | 'zero';
}

/** What limits the sweep when nobody has chosen. */
const LIMITER_DEFAULT = 'none';

export function addCaptureOptions(command: Command): Command {
  return command
    .option(
      '--limiter <NAME[,k=v…]>',
      `how fast the sweep may go; \`migrate limiters\` lists them (default: ${LIMITER_DEFAULT})`,
    )
    .option(
      '--config <FILE>',
      'limiter, preImages (maxBytes, overflow, spillDirectory), discarded, compress and chunk as YAML or JSON; flags win; SIGHUP reads the limiter again',
    )
    .option('--pre-images-max <SIZE>', 'memory for pages that wait for the sink (default: 256MiB)')
    .addOption(
      new Option(
        '--overflow <WHAT>',
        'when that is full: spill to a file, stall writers, or abort (default: spill)',
      ).choices(['spill', 'stall', 'abort']),
    )
    .addOption(
      new Option(
        '--discarded <WHAT>',
        'when the guest throws memory away that is not captured yet: fail, or zero and count it (default: fail)',
      ).choices(['fail', 'zero']),
    )
    .option(
      '--spill-directory <DIR>',
      'where the spill file is made (default: the system’s for temporary files)',
    );
}

/** Throws CliError, LimiterConfigError or UnitError for what is wrong with the flags or the file. */
export async function chooseCapture(flags: CaptureFlags): Promise<CaptureChoice> {
  const file = flags.config === undefined ? {} : readConfigFile(flags.config);
  const preImagesMaxBytes =
    flags.preImagesMax === undefined
      ? (file.preImages?.maxBytes ?? PRE_IMAGES_DEFAULT_BYTES)
      : parseBytes(flags.preImagesMax);
  const overflow = flags.overflow ?? file.preImages?.overflow ?? 'spill';
  if (preImagesMaxBytes === 0 && overflow !== 'stall') {
    throw new CliError(
      'USAGE',
      'pre-images of 0 bytes keep nothing, which works only with --overflow stall',
      {
        hint: 'That is the behaviour of a single thread, for comparison. Otherwise leave the default of 256MiB.',
      },
    );
  }
  const spillDirectory = flags.spillDirectory ?? file.preImages?.spillDirectory;
  // The file's limiter is looked at in any case, so that a mistake in it is found before anything starts.
  const fromFile = flags.config === undefined ? undefined : await limiterOfFile(file, flags.config);
  const limiter = flags.limiter === undefined ? fromFile : await makeLimiter(flags.limiter, process.cwd());
  return {
    ...(limiter ?? (await defaultLimiter())),
    capture: { preImagesMaxBytes, overflow, discarded: flags.discarded ?? file.discarded ?? 'fail' },
    file,
    ...(spillDirectory === undefined ? {} : { spillDirectory }),
  };
}

export function defaultLimiter(): Promise<LimiterChoice> {
  return makeLimiter(LIMITER_DEFAULT, process.cwd());
}

/** The limiter of a config file; undefined when it names none. Throws CliError USAGE that names the file. */
export async function limiterOfFile(file: ConfigFile, filePath: string): Promise<LimiterChoice | undefined> {
  if (file.limiter === undefined) return undefined;
  try {
    return await makeLimiter(file.limiter, path.dirname(filePath));
  } catch (error) {
    if (!(error instanceof LimiterConfigError)) throw error;
    const { message, hint } = error;
    throw new CliError('USAGE', `${filePath}: limiter: ${message}`, { cause: error, hint });
  }
}

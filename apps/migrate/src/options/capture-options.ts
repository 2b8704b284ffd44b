import { type Limiter, limiterFromConfig, parseBytes, parseLimiter } from '@stillframe/limiter';
import type { CaptureOptions } from '@stillframe/snapshot';
import { PRE_IMAGES_DEFAULT_BYTES } from '@stillframe/uffd';
import { type Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { readConfigFile } from './config-file.ts';

/** How a guest is captured, from flags over the config file over defaults. */
export interface CaptureChoice {
  readonly limiter: Limiter;
  readonly capture: CaptureOptions;
  readonly spillDirectory?: string;
}

export interface CaptureFlags {
  readonly config?: string;
  readonly limiter?: string;
  readonly preImagesMax?: string;
  readonly overflow?: 'spill' | 'stall' | 'abort';
  readonly spillDirectory?: string;
}

export function addCaptureOptions(command: Command): Command {
  return command
    .option(
      '--limiter <NAME[,k=v…]>',
      'how fast the sweep may go; `migrate limiters` lists them (default: none)',
    )
    .option(
      '--config <FILE>',
      'limiter and preImages (maxBytes, overflow, spillDirectory) as YAML or JSON; flags win',
    )
    .option('--pre-images-max <SIZE>', 'memory for pages that wait for the sink (default: 256MiB)')
    .addOption(
      new Option(
        '--overflow <WHAT>',
        'when that is full: spill to a file, stall writers, or abort (default: spill)',
      ).choices(['spill', 'stall', 'abort']),
    )
    .option(
      '--spill-directory <DIR>',
      'where the spill file is made (default: the system’s for temporary files)',
    );
}

export function chooseCapture(flags: CaptureFlags): CaptureChoice {
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
  return {
    limiter: chooseLimiter(flags.limiter, file.limiter),
    capture: { preImagesMaxBytes, overflow },
    ...(spillDirectory === undefined ? {} : { spillDirectory }),
  };
}

function chooseLimiter(flag: string | undefined, file: unknown): Limiter {
  if (flag !== undefined) return parseLimiter(flag);
  return file === undefined ? parseLimiter('none') : limiterFromConfig(file);
}

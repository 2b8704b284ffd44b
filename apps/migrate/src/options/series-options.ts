import { parseDurationMs } from '@stillframe/limiter';
import { MAX_CHAIN_LENGTH } from '@stillframe/page-stream';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';

export interface SeriesFlags {
  readonly every?: string;
  readonly count?: string;
}

/** Images of one guest, one after the other. */
export interface SeriesChoice {
  readonly count: number;
  /** From the start of one to the start of the next; later when one takes longer. */
  readonly everyMs: number;
}

const ONE_IMAGE: SeriesChoice = { count: 1, everyMs: 0 };

/** A day: more is a mistake in the unit. */
const EVERY_MAX_MS = 86_400_000;

export function addSeriesOptions(command: Command): Command {
  return command
    .option(
      '--every <TIME>',
      'a series of images: the next begins so long after the one before: 10s, 5min; a bare number is milliseconds',
    )
    .option('--count <N>', 'how many: PATH, PATH.1, PATH.2 …, each an increment of the one before');
}

/** Throws CliError USAGE and UnitError. `below`: images below the first one. */
export function chooseSeries({ every, count }: SeriesFlags, below = 0): SeriesChoice {
  if (every === undefined && count === undefined) return ONE_IMAGE;
  if (every === undefined || count === undefined) {
    throw new CliError(
      'USAGE',
      `--every and --count go together: ${every === undefined ? '--every' : '--count'} is missing`,
      {
        hint: 'For example --every 10s --count 6',
      },
    );
  }
  const everyMs = parseDurationMs(every);
  if (!(everyMs >= 0 && everyMs <= EVERY_MAX_MS)) {
    throw new CliError('USAGE', `--every takes up to a day, not ${JSON.stringify(every)}`, {
      hint: 'For example --every 10s',
    });
  }
  const max = MAX_CHAIN_LENGTH + 1 - below;
  const images = Number(count);
  if (!/^\d+$/.test(count) || images < 1 || images > max) {
    throw new CliError('USAGE', `--count takes 1 to ${max}, not ${JSON.stringify(count)}`, {
      hint: `A chain has ${MAX_CHAIN_LENGTH} increments at most. Begin another with a full image, or \`migrate flatten\` this one.`,
    });
  }
  return { count: images, everyMs };
}

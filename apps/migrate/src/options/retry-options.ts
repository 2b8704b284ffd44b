import { DEFAULT_RETRY_BUDGET_MS, DEFAULT_RETRY_WAIT_MS, LINK_SILENCE_MS } from '@stillframe/snapshot';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { parseSeconds, type TimeoutFlags } from './timeouts.ts';

export interface RetryFlags {
  readonly retry?: string | true;
}

export interface RetryWaitFlags {
  readonly retryWait?: string;
}

/** How long a source tries again. */
export interface RetryChoice {
  readonly budgetMs: number;
  readonly silenceMs: number;
}

/** How long a destination waits for a source to try again. */
export interface RetryWait {
  readonly waitMs: number;
  readonly silenceMs: number;
}

const MS_PER_S = 1000;

export function addRetry(command: Command): Command {
  return command.option(
    '--retry [SECONDS]',
    `when the connection breaks, try again and send only what was lost; give up after so long without one, in sum (default: ${DEFAULT_RETRY_BUDGET_MS / MS_PER_S})`,
  );
}

export function addRetryWait(command: Command): Command {
  return command.option(
    '--retry-wait <SECONDS>',
    `keep what came from a source with --retry for so long when its connection breaks; 0 for not at all (default: ${DEFAULT_RETRY_WAIT_MS / MS_PER_S})`,
  );
}

/** Undefined without `--retry`. */
export function chooseRetry({ retry, ...flags }: RetryFlags & TimeoutFlags): RetryChoice | undefined {
  if (retry === undefined) return undefined;
  const budgetMs = retry === true ? DEFAULT_RETRY_BUDGET_MS : parseSeconds(retry, '--retry') * MS_PER_S;
  return { budgetMs, silenceMs: silenceFrom(flags) };
}

export function chooseRetryWait({ retryWait, ...flags }: RetryWaitFlags & TimeoutFlags): RetryWait {
  return { waitMs: waitFrom(retryWait), silenceMs: silenceFrom(flags) };
}

function waitFrom(text: string | undefined): number {
  if (text === undefined) return DEFAULT_RETRY_WAIT_MS;
  return text === '0' ? 0 : parseSeconds(text, '--retry-wait') * MS_PER_S;
}

/** A side of a session shows that it lives, so a broken connection is noticed sooner than a peer that may just be slow. */
function silenceFrom({ idleS }: TimeoutFlags): number {
  if (idleS === undefined) return LINK_SILENCE_MS;
  const silenceMs = Math.ceil(parseSeconds(idleS, '--idle-s') * MS_PER_S);
  if (silenceMs >= 1) return silenceMs;
  throw new CliError('USAGE', '--idle-s is too short', { hint: 'For example --idle-s 10' });
}

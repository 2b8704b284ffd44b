import { type PeerTimeouts, peerTimeouts } from '@stillframe/snapshot';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';

export interface TimeoutFlags {
  readonly timeoutS?: string;
  readonly idleS?: string;
}

const SECONDS_MAX = 86_400;
const IDLE_DEFAULT_S = 30;

export function addTimeout(command: Command): Command {
  return command.option(
    '--timeout-s <SECONDS>',
    'give up after so long; the guest is unharmed (default: never)',
  );
}

/** For a command that has a peer. */
export function addIdle(command: Command): Command {
  return command.option(
    '--idle-s <SECONDS>',
    `a peer that is silent for so long is lost (default: ${IDLE_DEFAULT_S})`,
  );
}

/** For a picture that did not get done. */
export const FASTER_SWEEP = 'let the sweep go faster with another --limiter';

/** The command's signal, and the time limit if there is one. `orElse`: what may help besides more time. */
export function withTimeout(signal: AbortSignal, { timeoutS }: TimeoutFlags, orElse = ''): AbortSignal {
  if (timeoutS === undefined) return signal;
  const seconds = parseSeconds(timeoutS, '--timeout-s');
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(
      new CliError('TIMEOUT', `not done after ${seconds} s`, {
        hint: `Allow more with --timeout-s${orElse === '' ? '' : `, or ${orElse}`}.`,
      }),
    );
  }, seconds * 1000);
  timer.unref();
  return AbortSignal.any([signal, limit.signal]);
}

/**
 * How long to wait for a silent peer. Verifying takes the time it takes, so an acknowledgement may take longer. `awayMs`: for so long it
 * may be without a connection in between.
 */
export function peerTimeoutsFrom({ idleS }: TimeoutFlags, awayMs = 0): PeerTimeouts {
  const idleMs = (idleS === undefined ? IDLE_DEFAULT_S : parseSeconds(idleS, '--idle-s')) * 1000;
  return {
    helloMs: Math.min(idleMs, peerTimeouts.helloMs),
    writeMs: idleMs + awayMs,
    silenceMs: idleMs + awayMs,
    ackMs: Math.max(idleMs, peerTimeouts.ackMs) + awayMs,
  };
}

/** Throws CliError USAGE. */
export function parseSeconds(text: string, flag: string): number {
  const seconds = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && seconds > 0 && seconds <= SECONDS_MAX) return seconds;
  throw new CliError(
    'USAGE',
    `${flag} takes seconds, more than 0 and at most ${SECONDS_MAX}, not ${JSON.stringify(text)}`,
    { hint: `For example ${flag} 30` },
  );
}

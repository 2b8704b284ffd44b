import type { Command } from 'commander';
import type { CaptureFlags } from './capture-options.ts';
import type { GuestFlags } from './guest-options.ts';

export interface ControlFlags extends Pick<CaptureFlags, 'config' | 'limiter'>, GuestFlags {
  readonly control?: string;
  readonly trace?: string;
}

export function addControlOptions(command: Command): Command {
  return command
    .option('--control <PATH>', 'a Unix socket for `migrate ctl`, by which the snapshot can be steered')
    .option('--trace <FILE>', 'every decision of the limiter and what it was told, as JSON lines');
}

import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';

export interface QemuFlags {
  readonly qmp?: string;
  readonly onCut?: string;
}

/** Which machine, and what happens at its cut. */
export interface QemuChoice {
  /** The socket of its QMP server. */
  readonly qmp: string;
  /** For the shell, while the machine stands still. */
  readonly onCut?: string;
}

export function addQemuOptions(command: Command): Command {
  return command
    .option('--qmp <SOCKET>', 'the guest: a virtual machine of QEMU, by the Unix socket of its QMP server')
    .option(
      '--on-cut <CMD>',
      'of a machine, a shell command that runs while it stands still and its disks are flushed; if it fails, there is no picture',
    );
}

/** Undefined without `--qmp`; throws CliError for a flag that then means nothing. */
export function chooseQemu({ qmp, onCut }: QemuFlags): QemuChoice | undefined {
  if (qmp !== undefined) return { qmp, ...(onCut === undefined ? {} : { onCut }) };
  if (onCut === undefined) return undefined;
  throw new CliError('USAGE', '--on-cut is for machines, and --qmp is missing', {
    hint: 'Name the machine with --qmp SOCKET.',
  });
}

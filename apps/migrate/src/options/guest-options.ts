import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addQemuOptions, chooseQemu, type QemuChoice, type QemuFlags } from '../qemu/qemu-options.ts';
import { parseWorkload, type WorkloadSpec } from '../workloads/index.ts';
import { migrationModes } from './migration-options.ts';
import { addPlannedOptions } from './planned.ts';
import {
  addProcessOptions,
  chooseProcess,
  type ProcessChoice,
  type ProcessFlags,
} from './process-options.ts';

export interface GuestFlags extends ProcessFlags, QemuFlags {
  readonly workload?: string;
  readonly mode?: string;
  readonly beforeMs?: string;
  readonly afterMs?: string;
}

/** A bundled workload, and how long its load runs around the snapshot. */
export interface WorkloadChoice {
  readonly workload: WorkloadSpec;
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** Whose memory. */
export type GuestChoice =
  | WorkloadChoice
  | { readonly process: ProcessChoice }
  | { readonly machine: QemuChoice };

export const BEFORE_DEFAULT_MS = 1000;
const AFTER_DEFAULT_MS = 500;
/** A day: more is a mistake in the unit. */
const AROUND_MAX_MS = 86_400_000;

export function addGuestOptions(command: Command): Command {
  addPlannedOptions(command, ['handoff'], 'The guests so far: --pid N, --qmp SOCKET and --workload NAME.');
  return addQemuOptions(addProcessOptions(command))
    .option('--workload <NAME[,k=v…]>', 'the guest: a bundled workload; `migrate workloads` lists them')
    .option(
      '--mode <MODE>',
      'snapshot: the image shows the start (default); source only: precopy, postcopy, hybrid: the guest moves',
    )
    .option(
      '--before-ms <MS>',
      `let the workload run so long before the snapshot (default: ${BEFORE_DEFAULT_MS})`,
    )
    .option(
      '--after-ms <MS>',
      `and so long after it, to compare write stalls (default: ${AFTER_DEFAULT_MS})`,
    );
}

function noPicture(mode: string): CliError {
  if (migrationModes.some((known) => known === mode)) {
    return new CliError('NOT_AVAILABLE', `--mode ${mode} moves a guest, and there is nowhere to`, {
      hint: 'It is for `migrate source`.',
    });
  }
  return new CliError(
    'USAGE',
    `--mode takes snapshot, ${migrationModes.join(', ')}, not ${JSON.stringify(mode)}`,
    { hint: 'An increment is a snapshot with --parent PATH.' },
  );
}

/** Of a picture. Throws CliError USAGE, NOT_AVAILABLE for a mode in which the guest moves, and WORKLOAD_SPEC. */
export function chooseGuest(flags: GuestFlags): GuestChoice {
  const { mode = 'snapshot', workload } = flags;
  if (mode !== 'snapshot') throw noPicture(mode);
  const machine = chooseQemu(flags);
  if (machine !== undefined) {
    assertAlone(flags, '--qmp');
    return { machine };
  }
  const process = chooseProcess(flags);
  if (process !== undefined) {
    assertAlone(flags, '--pid');
    return { process };
  }
  if (workload === undefined) {
    throw new CliError('USAGE', 'whose memory? --pid, --qmp or --workload is missing', {
      hint: 'For example --pid 1234, or --workload counter,size=256MiB; `migrate workloads` lists them.',
    });
  }
  return {
    workload: parseWorkload(workload),
    beforeMs: parseMs(flags.beforeMs, '--before-ms', BEFORE_DEFAULT_MS),
    afterMs: parseMs(flags.afterMs, '--after-ms', AFTER_DEFAULT_MS),
  };
}

/** A process and a machine have their own load. */
function assertAlone({ pid, workload, beforeMs, afterMs }: GuestFlags, guest: '--pid' | '--qmp'): void {
  const others = {
    '--pid': guest === '--pid' ? undefined : pid,
    '--workload': workload,
    '--before-ms': beforeMs,
    '--after-ms': afterMs,
  };
  const [flag] = Object.entries(others).find(([, value]) => value !== undefined) ?? [];
  if (flag === undefined) return;
  throw new CliError('USAGE', `${guest} and ${flag} exclude each other`, {
    hint: 'One picture shows one guest: a running process, a machine, or a bundled workload with its load around the picture.',
  });
}

export function parseMs(text: string | undefined, flag: string, fallback: number): number {
  if (text === undefined) return fallback;
  const ms = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && ms <= AROUND_MAX_MS) return ms;
  throw new CliError(
    'USAGE',
    `${flag} takes milliseconds from 0 to ${AROUND_MAX_MS}, not ${JSON.stringify(text)}`,
    { hint: `For example ${flag} ${fallback}` },
  );
}

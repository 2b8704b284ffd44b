import { FILTER_DEFAULT, FILTER_NAMES, type FilterName } from '@stillframe/guests/process';
import { parseBytes } from '@stillframe/limiter';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';

export interface ProcessFlags {
  readonly pid?: string;
  readonly filter?: string;
  readonly includeDontdump?: boolean;
  readonly copyMax?: string;
}

/** Which process, and what of it. */
export interface ProcessChoice {
  readonly pid: number;
  readonly filter: readonly FilterName[];
  readonly includeDontDump: boolean;
  /** The adapter's default when not given. */
  readonly copyMaxBytes?: number;
}

/** The kernel's own bound on process numbers (PID_MAX_LIMIT). */
const PID_MAX = 2 ** 22;

export function addProcessOptions(command: Command): Command {
  return command
    .option('--pid <N>', 'the guest: a running process, which knows nothing of it')
    .option(
      '--filter <LIST>',
      `of a process, which memory: ${FILTER_NAMES.join(', ')} (default: ${FILTER_DEFAULT.join(',')})`,
    )
    .option('--include-dontdump', 'of a process, also memory that it has excluded with MADV_DONTDUMP')
    .option(
      '--copy-max <SIZE>',
      'of a process, at most so much that cannot be armed is copied while it stands still',
    );
}

/** Undefined without `--pid`; throws CliError for flags that then mean nothing. */
export function chooseProcess(flags: ProcessFlags): ProcessChoice | undefined {
  const { pid, filter, includeDontdump = false, copyMax } = flags;
  if (pid === undefined) {
    const alone =
      filter !== undefined ? '--filter' : copyMax !== undefined ? '--copy-max' : '--include-dontdump';
    if (filter === undefined && copyMax === undefined && !includeDontdump) return undefined;
    throw new CliError('USAGE', `${alone} is for processes, and --pid is missing`, {
      hint: 'Name the process with --pid N.',
    });
  }
  return {
    pid: parsePid(pid),
    filter: filter === undefined ? FILTER_DEFAULT : parseFilter(filter),
    includeDontDump: includeDontdump,
    ...(copyMax === undefined ? {} : { copyMaxBytes: parseBytes(copyMax) }),
  };
}

function parsePid(text: string): number {
  const pid = Number(text);
  if (/^\d+$/.test(text) && pid >= 1 && pid <= PID_MAX) return pid;
  throw new CliError('USAGE', `--pid takes the number of a process, not ${JSON.stringify(text)}`, {
    hint: 'For example --pid "$(pidof redis-server)"',
  });
}

function parseFilter(text: string): FilterName[] {
  return text.split(',').map((word) => {
    const name = FILTER_NAMES.find((each) => each === word.trim());
    if (name !== undefined) return name;
    throw new CliError('USAGE', `--filter: ${JSON.stringify(word)} is no kind of memory`, {
      hint: `There are ${FILTER_NAMES.join(', ')}; for example --filter ${FILTER_DEFAULT.join(',')}`,
    });
  });
}

import { parseArgs } from 'node:util';

/** A mistake on the command line: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type Format = 'text' | 'json' | 'markdown';

export interface Arguments {
  /** Empty: all. */
  readonly names: readonly string[];
  readonly isList: boolean;
  readonly isHelp: boolean;
  readonly isQuick: boolean;
  readonly format: Format;
  /** Instead of those that the scale has. */
  readonly rounds: number | undefined;
}

export const USAGE = `usage: bench [NAME…] [--quick] [--json | --markdown] [--rounds N]
       bench --list

  NAME        benchmarks to run, by default all
  --quick     256 MiB and fewer rounds: for a first look, not for figures to quote
  --json      JSON lines: a row each, with every sample, and a summary last
  --markdown  one table for each benchmark
  --rounds N  how often each side runs
  --list      names and what they measure`;

/** An odd number of rounds has a middle one; beyond this nobody waits. */
const ROUNDS_MAX = 101;

/** Throws UsageError. */
export function parseArguments(argv: readonly string[], known: readonly string[]): Arguments {
  const { values, positionals } = parse(argv);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no benchmark ${unknown}; there are ${known.join(', ')}`);
  }
  if (values.json && values.markdown) throw new UsageError('--json and --markdown: one of them');
  return {
    names: positionals,
    isList: values.list,
    isHelp: values.help,
    isQuick: values.quick,
    format: values.json ? 'json' : values.markdown ? 'markdown' : 'text',
    rounds: values.rounds === undefined ? undefined : toRounds(values.rounds),
  };
}

function toRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > ROUNDS_MAX) {
    throw new UsageError(`--rounds takes a whole number from 1 to ${ROUNDS_MAX}, not ${text}`);
  }
  return rounds;
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        markdown: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        rounds: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

import { parseArgs } from 'node:util';
import { parseBytes } from '@stillframe/limiter';
import { LabError } from './lab-error.ts';
import type { Overflow } from './matrix.ts';
import { SINK_SHAPES } from './sink-shape.ts';
import { WORKLOADS } from './workload.ts';

export interface Arguments {
  readonly isHelp: boolean;
  readonly isList: boolean;
  readonly isJson: boolean;
  readonly isReal: boolean;
  readonly isQuick: boolean;
  /** A trace to replay, instead of the matrix. */
  readonly replay?: string;
  /** Where the report goes. */
  readonly out: string;
  /** Where its picture goes; undefined for none. */
  readonly png?: string;
  readonly guestBytes: number;
  readonly preImagesMaxBytes: number;
  readonly overflows: readonly Overflow[];
  readonly workloads?: readonly string[];
  readonly sinks?: readonly string[];
  /** Ids or limiters' names for real runs. */
  readonly policies?: readonly string[];
  readonly seed: number;
  /** How often each real run is made. */
  readonly rounds: number;
}

export const USAGE = `usage: lab [--quick] [--real] [--out FILE.html] [--png] [--json] [choice…]
       lab --replay TRACE [--out FILE.html] [--png] [--json]

Simulates every limiter policy in every workload with every sink, ranks them, and writes a report to look at.

  --out FILE       the report, one HTML file that needs nothing else; default limiter-lab.html
  --png [FILE]     also a picture of it, by headless Chromium; default beside the report
  --json           JSON lines on stdout: a cell each, the ranking, a summary last
  --quick          64 MiB guests, 16 MiB stores, no stall mode: for a first look
  --real           also on real memory with userfaultfd: a few scenarios, and how far the simulator is off
  --replay TRACE   shows a trace of \`migrate … --trace FILE\`, and what other policies would have decided (open loop)
  --rounds N       of --real: medians of N runs, the worst of the longest stalls; default 3, with --quick 1
  --list           workloads, sinks and policies
  --help

choice:
  --workload LIST  of ${WORKLOADS.map(({ name }) => name).join(', ')}
  --sink LIST      of ${SINK_SHAPES.map(({ name }) => name).join(', ')}
  --policy LIST    with --real: of the policies that --list names; default none, gentle and the base line
  --overflow MODE  spill, stall or both (default)
  --guest SIZE     default 256MiB
  --store SIZE     default a quarter of the guest
  --seed N         of the simulator's random numbers; default 2020

examples:
  ./run lab
  ./run lab --quick --png
  ./run lab --real --workload steady --sink stalling,slow --json > results.jsonl
  ./run migrate snapshot --out image --workload kv --trace run.trace && ./run lab --replay run.trace`;

const MIB = 2 ** 20;
const GUEST_BYTES = 256 * MIB;
const QUICK_GUEST_BYTES = 64 * MIB;
const STORE_SHARE = 4;
const GUEST_MIN_BYTES = MIB;
/** The state of a page is a byte, and a run keeps a few more for each. */
const GUEST_MAX_BYTES = 16 * 2 ** 30;
const SEED_MAX = 2 ** 32 - 1;
/** Beyond this nobody waits. */
const ROUNDS_MAX = 99;

/** @throws LabError LAB_USAGE */
export function parseArguments(argv: readonly string[]): Arguments {
  const { values, positionals, hasBarePng } = parse(argv);
  if (positionals.length > 0) throw usage(`what is ${positionals[0]}?`);
  const guestBytes = size('--guest', values.guest, values.quick ? QUICK_GUEST_BYTES : GUEST_BYTES);
  if (guestBytes < GUEST_MIN_BYTES || guestBytes > GUEST_MAX_BYTES) {
    throw usage(`--guest takes 1MiB to 16GiB, not ${values.guest}`);
  }
  const out = values.out ?? 'limiter-lab.html';
  const png = hasBarePng ? out.replace(/\.html?$/, '').concat('.png') : values.png;
  const workloads = list(
    '--workload',
    values.workload,
    WORKLOADS.map(({ name }) => name),
  );
  const sinks = list(
    '--sink',
    values.sink,
    SINK_SHAPES.map(({ name }) => name),
  );
  return {
    isHelp: values.help,
    isList: values.list,
    isJson: values.json,
    isReal: values.real,
    isQuick: values.quick,
    out,
    guestBytes,
    preImagesMaxBytes: size('--store', values.store, guestBytes / STORE_SHARE),
    overflows: overflows(values.overflow ?? (values.quick ? 'spill' : 'both')),
    seed: whole('--seed', values.seed ?? '2020', 0, SEED_MAX),
    rounds: whole('--rounds', values.rounds ?? (values.quick ? '1' : '3'), 1, ROUNDS_MAX),
    ...(png === undefined ? {} : { png }),
    ...(values.replay === undefined ? {} : { replay: values.replay }),
    ...(workloads === undefined ? {} : { workloads }),
    ...(sinks === undefined ? {} : { sinks }),
    ...(values.policy === undefined ? {} : { policies: values.policy.split(',') }),
  };
}

function parse(argv: readonly string[]) {
  // `--png` may stand alone, which parseArgs has no word for.
  const at = argv.indexOf('--png');
  const hasBarePng = at >= 0 && (argv[at + 1] === undefined || argv[at + 1]!.startsWith('-'));
  const args = hasBarePng ? argv.filter((_, index) => index !== at) : [...argv];
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        list: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        real: { type: 'boolean', default: false },
        replay: { type: 'string' },
        out: { type: 'string', short: 'o' },
        png: { type: 'string' },
        workload: { type: 'string' },
        sink: { type: 'string' },
        policy: { type: 'string' },
        overflow: { type: 'string' },
        guest: { type: 'string' },
        store: { type: 'string' },
        seed: { type: 'string' },
        rounds: { type: 'string' },
      },
    });
    return { values, positionals, hasBarePng };
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function size(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  try {
    const bytes = parseBytes(text);
    if (bytes > 0) return bytes;
  } catch (error) {
    throw usage(`${option}: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw usage(`${option} takes a size above 0, not ${text}`);
}

function list(option: string, text: string | undefined, known: readonly string[]): string[] | undefined {
  const names = text?.split(',');
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw usage(`${option}: there is no ${unknown}; there are ${known.join(', ')}`);
  return names;
}

function overflows(text: string): Overflow[] {
  if (text === 'both') return ['spill', 'stall'];
  if (text === 'spill' || text === 'stall') return [text];
  throw usage(`--overflow takes spill, stall or both, not ${text}`);
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw usage(`${option} takes a whole number from ${least} to ${most}, not ${text}`);
}

function usage(message: string): LabError {
  return new LabError('LAB_USAGE', message, 'lab --help shows what there is');
}

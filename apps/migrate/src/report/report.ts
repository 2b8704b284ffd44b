import { QemuError } from '@stillframe/guests/qemu';
import { SnapshotError } from '@stillframe/snapshot';
import { pc } from './colours.ts';
import { CliError, Interrupted } from '../cli-error.ts';
import { causesOf } from '../exit-code.ts';
import type { CliContext } from '../cli.ts';

/** Where a command's words go: results to stdout, talk to stderr; with `--json` results are JSON lines. */
export interface Report {
  /** A result: `text` for people, `object` as a JSON line. */
  result(text: string, object: object): void;
  /** Something for people that is no result. */
  talk(text: string): void;
  /** A JSON line only. */
  event(object: object): void;
  readonly isJson: boolean;
}

export function createReport(context: CliContext, isJson: boolean): Report {
  const json = (object: object) => context.stdout.write(`${JSON.stringify(object, replaceSpecial)}\n`);
  return {
    isJson,
    result: (text, object) => {
      if (isJson) json(object);
      else context.stdout.write(`${text}\n`);
    },
    talk: (text) => {
      context.stderr.write(`${text}\n`);
    },
    event: (object) => {
      if (isJson) json(object);
    },
  };
}

/** JSON has no bigint and no typed arrays; histograms stay out of it. */
function replaceSpecial(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (value instanceof Float64Array) return undefined;
  if (typeof value === 'number' && !Number.isInteger(value)) return Math.round(value * 1000) / 1000;
  return value;
}

/** An error with its causes and what to do, once on stderr, and as a JSON line. */
export function reportError(report: Report, error: unknown): void {
  tell(report, 'error', error);
}

/** As `reportError`, for what does not end the command. `what` did not come of it. */
export function reportWarning(report: Report, what: string, error: unknown): void {
  tell(report, 'warning', error, `${what}: `);
}

function tell(report: Report, type: 'error' | 'warning', error: unknown, what = ''): void {
  const causes = causesOf(error);
  const code = codeOf(causes);
  const message = what + (messageOf(causes) || String(error));
  const hint =
    oursFirst(causes)
      .map(hintOf)
      .find((text) => text !== '') ?? '';
  report.talk(`${type === 'error' ? pc.red(type) : pc.yellow(type)} ${pc.bold(code)}: ${message}`);
  if (hint !== '') report.talk(`${pc.dim('hint:')} ${hint}`);
  report.event({ type, code, message, hint });
}

/** What happened, each thing once: some messages repeat those of their causes, or end with their own hint. */
function messageOf(causes: readonly Error[]): string {
  const hints = causes.map(hintOf).filter((hint) => hint !== '');
  const kept: string[] = [];
  for (const { message } of causes.filter((cause, at) => !isStepOnly(cause, causes[at + 1]))) {
    const plain = hints.reduce((text, hint) => text.replace(`. ${hint}`, ''), message);
    if (!kept.some((text) => text.includes(plain))) kept.push(plain);
  }
  return kept.join(': ');
}

/** `sink.end: ` before what the command line itself found tells nobody more. */
function isStepOnly(cause: Error, next: Error | undefined): boolean {
  if (!(cause instanceof SnapshotError) || next === undefined || !isOurs(next)) return false;
  return cause.message === `${cause.operands['step']}: ${next.message}`;
}

function hintOf(cause: Error): string {
  return 'hint' in cause && typeof cause.hint === 'string' ? cause.hint : '';
}

export function codeOf(causes: readonly Error[]): string {
  const coded = oursFirst(causes).find((cause) => 'code' in cause && typeof cause.code === 'string');
  return coded !== undefined && 'code' in coded ? String(coded.code) : 'BUG';
}

/** What a machine is refused for is said by its own code, as by the exit code. */
function isOurs(cause: Error): boolean {
  return cause instanceof CliError || cause instanceof Interrupted || cause instanceof QemuError;
}

/** Why the command was ended says more than that it was, as in `exitCodeOf`. */
function oursFirst(causes: readonly Error[]): Error[] {
  return [...causes.filter(isOurs), ...causes.filter((cause) => !isOurs(cause))];
}

import { Command, CommanderError, type Option } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { addCtl } from './commands/ctl.ts';
import { addCore } from './commands/core.ts';
import { addDemo } from './commands/demo.ts';
import { addDest } from './commands/dest.ts';
import { addDiff } from './commands/diff.ts';
import { addDirtyRate } from './commands/dirty-rate.ts';
import { addDoctor } from './commands/doctor.ts';
import { addFlatten } from './commands/flatten.ts';
import { addInspect } from './commands/inspect.ts';
import { addKvLoad } from './commands/kv-load.ts';
import { addLists } from './commands/lists.ts';
import { addKey } from './commands/key.ts';
import { addPsk } from './commands/psk.ts';
import { addReconcile } from './commands/reconcile.ts';
import { addRestore } from './commands/restore.ts';
import { addSalvage } from './commands/salvage.ts';
import { addSnapshot } from './commands/snapshot.ts';
import { addSource } from './commands/source.ts';
import { addVerify } from './commands/verify.ts';
import { CliError } from './cli-error.ts';
import { exitCodeOf, exitCodes } from './exit-code.ts';
import { createReport, type Report, reportError } from './report/report.ts';

/** What a command has of the world. */
export interface CliContext {
  readonly stdout: { write(bytes: string | Uint8Array, done?: (error?: Error | null) => void): unknown };
  readonly stderr: NodeJS.WritableStream;
  /** stderr is a terminal. */
  readonly isTty: boolean;
  /** Fires on SIGINT and SIGTERM, with `Interrupted` as its reason. */
  readonly signal: AbortSignal;
  /** Calls `onHangUp` at SIGHUP, which then does not end the command; returns how to stop that. */
  catchHangUp(onHangUp: () => void): () => void;
  report(json: boolean): Report;
  /** For a command that did its work and has bad news. */
  setExitCode(code: number): void;
}

const EXIT_CODES = `
Exit codes: 0 done · 1 bug · 2 usage · 10 userfaultfd unavailable · 11 peer lost, guest unharmed · 12 version ·
  13 corrupt stream · 14 did not converge · 15 refused · 16 local I/O · 20 indeterminate · 128+N signal
`;

const EXAMPLES = `
Examples:
  migrate demo                                                     see it work
  migrate doctor                                                   can this machine do it?
  migrate dest --listen 127.0.0.1:7000 --into file:image.sfp --once
  migrate source --to 127.0.0.1:7000 --workload kv,size=256MiB
  migrate core --pid 1234 --out core.1234
  migrate snapshot --out image.sfp --workload counter,rate=50000 --limiter token-bucket,rate=200MiB/s
  migrate verify image.sfp
  migrate restore image.sfp --into memory
`;

/** Runs one command line. Never throws. @returns The exit code. */
export async function runCli(
  argv: readonly string[],
  world: Omit<CliContext, 'report' | 'setExitCode'>,
): Promise<number> {
  let exitCode: number = exitCodes.done;
  const context: CliContext = {
    ...world,
    report: (json) => createReport(context, json),
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  try {
    await program(context).parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && isHelp(error)) {
      return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    }
    const code = exitCodeOf(error);
    const report = context.report(argv.includes('--json'));
    reportError(report, error instanceof CommanderError ? asUsage(error) : error);
    report.event({ type: 'summary', outcome: outcomeOf(code), verified: false, exitCode: code });
    return code;
  }
}

function program(context: CliContext): Command {
  const root = new Command('migrate')
    .description(
      'Snapshot or move memory while its owner keeps writing: to another process over TCP, or into a file',
    )
    .addHelpText('after', EXAMPLES + EXIT_CODES)
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      // Told by `reportError`, like every other mistake.
      outputError: () => undefined,
    })
    .configureHelp({ optionDescription })
    .showSuggestionAfterError()
    .version(manifest.version, '-V, --version', 'show the version')
    .exitOverride();
  for (const add of [
    addSource,
    addDest,
    addSnapshot,
    addCore,
    addRestore,
    addInspect,
    addVerify,
    addDiff,
    addFlatten,
    addSalvage,
    addDoctor,
    addDirtyRate,
    addReconcile,
    addLists,
    addCtl,
    addKey,
    addPsk,
    addKvLoad,
    addDemo,
  ]) {
    add(root, context);
  }
  for (const command of root.commands) command.exitOverride().copyInheritedSettings(root);
  return root;
}

/** A default as it is typed, without the quotes of a JavaScript string. */
function optionDescription({
  description,
  defaultValue,
  defaultValueDescription,
  argChoices,
}: Option): string {
  const extra = [
    argChoices === undefined ? '' : `one of ${argChoices.join(', ')}`,
    defaultValue === undefined ? '' : `default: ${defaultValueDescription ?? String(defaultValue)}`,
  ].filter((text) => text !== '');
  return extra.length === 0 ? description : `${description} (${extra.join('; ')})`;
}

/** Help, asked for or shown because no command was named. */
function isHelp({ code }: CommanderError): boolean {
  return code.startsWith('commander.help') || code === 'commander.version';
}

/** What the parser does not understand. Its text has `error: ` before it, and a suggestion in a line of its own behind it. */
function asUsage({ message }: CommanderError): CliError {
  const [what = '', ...suggestion] = message.replace(/^error: /, '').split('\n');
  return new CliError('USAGE', what, {
    hint: suggestion.join(' ').replace(/^\(|\)$/g, '') || 'See `migrate help`, or --help of the command.',
  });
}

const OUTCOMES: Readonly<Record<number, string>> = {
  1: 'failed',
  2: 'usage',
  10: 'unavailable',
  11: 'peer-lost',
  12: 'version',
  13: 'corrupt',
  14: 'not-converged',
  15: 'refused',
  16: 'local-io',
  20: 'indeterminate',
};

export function outcomeOf(exitCode: number): string {
  return exitCode > 128 ? 'interrupted' : (OUTCOMES[exitCode] ?? 'failed');
}

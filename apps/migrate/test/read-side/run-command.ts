import { Command } from 'commander';
import type { CliContext } from '../../src/cli.ts';
import { addInspect } from '../../src/commands/inspect.ts';
import { addRestore } from '../../src/commands/restore.ts';
import { addVerify } from '../../src/commands/verify.ts';
import { exitCodeOf } from '../../src/exit-code.ts';
import { createReport } from '../../src/report/report.ts';

export type Line = Readonly<Record<string, unknown>>;

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What went wrong, when something was thrown. */
  readonly error: unknown;
  /** stdout as JSON lines. */
  lines(): Line[];
}

/** A context that keeps what is written. */
export function keepingContext(signal: AbortSignal = new AbortController().signal): {
  context: CliContext;
  written: { stdout: string; stderr: string; exitCode: number };
} {
  const written = { stdout: '', stderr: '', exitCode: 0 };
  const context: CliContext = {
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    isTty: false,
    signal,
    report: (json) => createReport(context, json),
    setExitCode: (code) => {
      written.exitCode = code;
    },
  };
  return { context, written };
}

/** Runs one of the commands that read images; the exit code is the one that `migrate` would end with. */
export async function runCommand(argv: readonly string[], signal?: AbortSignal): Promise<Outcome> {
  const { context, written } = keepingContext(signal);
  const root = new Command('migrate').exitOverride();
  for (const add of [addInspect, addVerify, addRestore]) add(root, context);
  let error: unknown;
  try {
    await root.parseAsync([...argv], { from: 'user' });
  } catch (thrown) {
    error = thrown;
    written.exitCode = exitCodeOf(thrown);
  }
  const lines = () =>
    written.stdout
      .trim()
      .split('\n')
      .map((line): Line => JSON.parse(line));
  return { ...written, error, lines };
}

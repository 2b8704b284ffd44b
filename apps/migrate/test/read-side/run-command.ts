import { Writable } from 'node:stream';
import { type CliContext, runCli } from '../../src/cli.ts';
import { createReport } from '../../src/report/report.ts';

export type Line = Readonly<Record<string, unknown>>;

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON lines. */
  lines(): Line[];
}

interface Written {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/** A context that keeps what is written. */
export function keepingContext(signal: AbortSignal = new AbortController().signal): {
  context: CliContext;
  written: Written;
} {
  const written: Written = { stdout: '', stderr: '', exitCode: 0 };
  const context: CliContext = {
    stdout: {
      write(text) {
        written.stdout += text;
      },
    },
    stderr: new Writable({
      decodeStrings: false,
      write(text, _encoding, done) {
        written.stderr += String(text);
        done();
      },
    }),
    isTty: false,
    signal,
    catchHangUp: () => () => undefined,
    report: (json) => createReport(context, json),
    setExitCode(code) {
      written.exitCode = code;
    },
  };
  return { context, written };
}

/** Runs a command line in this process. */
export async function runCommand(argv: readonly string[], signal?: AbortSignal): Promise<Outcome> {
  const { context, written } = keepingContext(signal);
  const exitCode = await runCli(argv, context);
  const { stdout, stderr } = written;
  const lines = () =>
    stdout
      .trim()
      .split('\n')
      .map((line): Line => JSON.parse(line));
  return { exitCode, stdout, stderr, lines };
}

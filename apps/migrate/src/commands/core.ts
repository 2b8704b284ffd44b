import { type CoreFile, CoreTarget } from '@stillframe/guests/core';
import { takeSnapshot } from '@stillframe/snapshot';
import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { steered } from '../control/controls.ts';
import { AtomicFile } from '../io/atomic-file.ts';
import { openCorePipe } from '../io/core-pipe.ts';
import { imagePath } from '../io/image-path.ts';
import { inProcessCodec, targetSink } from '../io/target-sink.ts';
import { restoreInto } from '../load-image.ts';
import { addCaptureOptions, type CaptureFlags, chooseCapture } from '../options/capture-options.ts';
import { addControlOptions, type ControlFlags } from '../options/control-options.ts';
import {
  addProcessOptions,
  chooseProcess,
  type ProcessChoice,
  type ProcessFlags,
} from '../options/process-options.ts';
import { CAPTURE_FLAGS, refuseWithoutEffect } from '../options/no-effect.ts';
import { addTimeout, FASTER_SWEEP, type TimeoutFlags, withTimeout } from '../options/timeouts.ts';
import { pictureProcess } from '../picture-process.ts';
import { pictureSummary, pictureText } from '../report/picture-summary.ts';
import type { Report } from '../report/report.ts';
import { showBytes, showCount, showMs } from '../report/units.ts';

interface CoreFlags extends ProcessFlags, CaptureFlags, ControlFlags, TimeoutFlags {
  readonly from?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** `migrate core`: an ELF core of a process that runs on, or of an image of one. */
export function addCore(root: Command, context: CliContext): void {
  const command = root
    .command('core')
    .description('write an ELF core of a running process, which goes on meanwhile, or of its image')
    .option('--out <PATH>', 'the core, replaced only by a complete one; - for a pipe')
    .option('--from <IMAGE>', 'instead of a process: an image that `migrate snapshot --pid` wrote');
  addTimeout(addControlOptions(addCaptureOptions(addProcessOptions(command))))
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
Opens in gdb like any core, with all threads at the instant of the cut. Memory that was never touched, or is zero, takes no room in
the file. A pipe gets it when it is complete; until then it waits in --spill-directory.

Examples:
  migrate core --pid 1234 --out core.1234
  migrate core --pid 1234 --filter anonymous,shared,private-file,elf-headers --out core.1234
  migrate core --pid 1234 --out - | zstd > core.1234.zst
  migrate core --from image.sfp --out core.1234
`,
    )
    .action((flags: CoreFlags) => core(flags, context));
}

async function core(flags: CoreFlags, context: CliContext): Promise<void> {
  const { out, from } = flags;
  if (out === undefined || out === '') {
    throw new CliError('USAGE', 'into which file? --out PATH is missing', {
      hint: 'For example --out core.1234',
    });
  }
  const process = chooseProcess(flags);
  if ((process === undefined) === (from === undefined)) {
    const what =
      from === undefined ? 'of what? --pid or --from is missing' : '--pid and --from exclude each other';
    throw new CliError('USAGE', what, { hint: 'Name a process with --pid N, or an image with --from PATH.' });
  }
  if (from !== undefined) {
    refuseWithoutEffect(
      flags,
      CAPTURE_FLAGS,
      'with --from',
      'It is for the memory of a process: leave it out.',
    );
  }
  if (out === '-') assertPipe(flags, context);
  else await imagePath(out);
  // A pipe is for the core alone.
  const report = out === '-' ? talking(context.report(false)) : context.report(flags.json === true);
  const options = { flags, context, report, out };
  if (from !== undefined) await coreOfImage(from, options);
  else if (process !== undefined) await coreOfProcess(process, options);
}

interface CoreOptions {
  readonly flags: CoreFlags;
  readonly context: CliContext;
  readonly report: Report;
  readonly out: string;
}

async function coreOfProcess(
  process: ProcessChoice,
  { flags, context, report, out }: CoreOptions,
): Promise<void> {
  const capture = await chooseCapture(flags);
  const signal = withTimeout(context.signal, flags, FASTER_SWEEP);
  let target: CoreTarget | undefined;
  const picture = await steered({ context, report, flags, capture, signal }, (controls) =>
    pictureProcess({
      context,
      report,
      guest: process,
      capture,
      signal: controls.signal,
      start: async (guest) => {
        target = new CoreTarget(await openCoreFile(out, context, capture.spillDirectory));
        return controls.follow(
          takeSnapshot({
            guest,
            sink: targetSink(target),
            ...controls.snapshotOptions(guest),
            capture: capture.capture,
            codec: inProcessCodec,
            signal: controls.signal,
          }),
        );
      },
    }),
  );
  const { digest: _none, ...summary } = pictureSummary(picture, false);
  const coreBytes = target?.sizeBytes ?? 0;
  const text = `${pictureText(summary)}\n${coreText(out, coreBytes)}`;
  report.result(text, { ...summary, path: out, coreBytes });
}

async function coreOfImage(from: string, { flags, context, report, out }: CoreOptions): Promise<void> {
  const signal = withTimeout(context.signal, flags);
  const target = new CoreTarget(await openCoreFile(out, context, flags.spillDirectory));
  const summary = await restoreInto(from, target, { context: { ...context, signal }, report });
  const coreBytes = target.sizeBytes ?? 0;
  const text = [
    `  pages         ${showCount(summary.pages)}, ${showCount(summary.zeroPages)} of them zero`,
    `  read          ${showBytes(summary.bytes)} in ${showMs(summary.durationMs)}`,
    `  digest        ${summary.digest}, right, like every checksum`,
    coreText(out, coreBytes),
  ].join('\n');
  report.result(text, {
    type: 'summary',
    outcome: 'done',
    from,
    path: out,
    ...summary,
    coreBytes,
    verified: false,
  });
}

function coreText(out: string, coreBytes: number): string {
  return `  core          ${out === '-' ? 'written to the pipe' : out}, ${showBytes(coreBytes)} with its holes`;
}

function assertPipe({ json }: CoreFlags, { stdout }: CliContext): void {
  if (json === true) {
    throw new CliError('USAGE', '--out - and --json both want stdout', {
      hint: 'Name a file with --out PATH.',
    });
  }
  if ('isTTY' in stdout && stdout.isTTY === true) {
    throw new CliError('USAGE', 'a core does not go to a terminal', {
      hint: 'Pipe it, or name a file with --out PATH.',
    });
  }
}

/** What is a result elsewhere is talk where stdout is taken. */
function talking(report: Report): Report {
  return { ...report, result: (text) => report.talk(text) };
}

async function openCoreFile(out: string, { stdout }: CliContext, folder?: string): Promise<CoreFile> {
  if (out !== '-') return await AtomicFile.create(out);
  return await openCorePipe((bytes) => writeTo(stdout, bytes), folder);
}

function writeTo(stdout: CliContext['stdout'], bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(bytes, (error) => {
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
}

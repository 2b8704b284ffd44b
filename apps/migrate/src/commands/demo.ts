import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseLimiter } from '@stillframe/limiter';
import type { SnapshotProgress } from '@stillframe/snapshot';
import type { Command } from 'commander';
import { pc } from '../report/colours.ts';
import type { CliContext } from '../cli.ts';
import { exitCodes } from '../exit-code.ts';
import { type OwnProcess, startOwn } from '../own-process.ts';
import { type PictureSummary, pictureText } from '../report/picture-summary.ts';
import { createProgress, type Progress } from '../report/progress.ts';
import type { Report } from '../report/report.ts';
import { lookOf } from '../report/watch-picture.ts';
import { showBytes } from '../report/units.ts';
import { type OracleCheck, parseWorkload } from '../workloads/index.ts';

interface DemoFlags {
  readonly workload: string;
  readonly limiter: string;
  readonly json?: boolean;
}

/** `migrate demo`: the main job, in two processes of its own. */
export function addDemo(root: Command, context: CliContext): void {
  root
    .command('demo')
    .description('see it work: a workload is pictured while it writes, streamed over TCP, and verified')
    .option('--workload <NAME[,k=v…]>', 'the guest', 'sqlite,rows=1000000,size=256MiB')
    .option('--limiter <NAME[,k=v…]>', 'how fast the sweep may go', 'token-bucket,rate=20MiB/s')
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
Examples:
  migrate demo
  migrate demo --workload counter,size=256MiB,rate=50000 --limiter linear-scan
`,
    )
    .action((flags: DemoFlags) => demo(flags, context));
}

/** A line of one of the two processes, which are this program: what it may hold, by its type. */
interface Line extends Partial<Omit<PictureSummary, 'type'>> {
  readonly type: string;
  readonly port?: number;
  readonly progress?: SnapshotProgress;
  readonly checks?: readonly OracleCheck[];
}

type Process = OwnProcess<Line>;

async function demo(flags: DemoFlags, context: CliContext): Promise<void> {
  // A mistake is told here, not by a process that nobody knows of.
  parseWorkload(flags.workload);
  parseLimiter(flags.limiter);
  const report = context.report(flags.json === true);
  const folder = await mkdtemp(path.join(tmpdir(), 'stillframe-demo-'));
  const processes: Process[] = [];
  const start = (...args: readonly string[]): Process => {
    const started = startOwn<Line>([...args, '--json'], context.signal);
    processes.push(started);
    return started;
  };
  try {
    const image = path.join(folder, 'image.sfp');
    report.talk(pc.bold('1. A destination: it keeps only an image that it has verified.'));
    const dest = start('dest', '--listen', '127.0.0.1:0', '--into', `file:${image}`, '--once');
    const listening = await dest.line('listening');
    if (listening === undefined) return await failed('destination', dest, { context, report });
    report.talk(
      pc.bold(
        `2. A source: the workload ${flags.workload} keeps writing, and its memory is pictured and sent.`,
      ),
    );
    const { workload, limiter } = flags;
    const to = `127.0.0.1:${String(listening.port)}`;
    const source = start('source', '--to', to, '--workload', workload, '--limiter', limiter);
    const summary = await follow(source, createProgress(context, '   picture', report.isJson), report);
    // It may have ended before it reached the destination, which would wait for another.
    if ((await source.exit) !== exitCodes.done || summary === undefined) {
      return await failed('source', source, { context, report });
    }
    if ((await dest.exit) !== exitCodes.done) return await failed('destination', dest, { context, report });
    const { size } = await stat(image);
    const verified = summary.verified && (await dest.line('summary'))?.digest === summary.digest;
    report.talk(pc.bold(`3. Verified by the destination, from its file of ${showBytes(size)}:`));
    for (const { name, ok, detail } of checksOf(dest)) {
      report.talk(`   ${ok ? pc.green('ok') : pc.red('no')}  ${name}: ${detail}`);
    }
    report.talk('');
    const words = verified ? pc.green('yes: digest and oracle, by the destination') : pc.red('no');
    report.result(pictureText(summary, words), { ...summary, verified });
    if (!verified) context.setExitCode(exitCodes.corrupt);
  } finally {
    await Promise.all(processes.map((process) => process.end()));
    await rm(folder, { recursive: true, force: true });
  }
}

/** The demo ends as that process did, which has said why. */
async function failed(
  who: string,
  ended: Process,
  { context, report }: { context: CliContext; report: Report },
): Promise<void> {
  const exitCode = (await ended.exit) || exitCodes.bug;
  context.signal.throwIfAborted();
  const outcome = ended.seen.findLast(({ type }) => type === 'summary')?.outcome ?? 'failed';
  report.talk(`${ended.talk().trimEnd()}\nthe ${who} ended with ${exitCode}`);
  report.event({ type: 'summary', outcome, verified: false, exitCode });
  context.setExitCode(exitCode);
}

/** Shows the source's progress. @returns Its summary, if it came to one. */
async function follow(
  source: Process,
  progress: Progress,
  report: Report,
): Promise<PictureSummary | undefined> {
  let summary: PictureSummary | undefined;
  for await (const line of source.lines()) {
    if (line.progress !== undefined) progress.show(lookOf(line.progress));
    if (isPicture(line)) summary = line;
    // There is one summary, and it is the demo's.
    else if (line.type !== 'summary') report.event(line);
  }
  progress.end();
  return summary;
}

function isPicture(line: Line | PictureSummary): line is PictureSummary {
  return line.type === 'summary' && line.outcome === 'done';
}

function checksOf(dest: Process): readonly OracleCheck[] {
  return dest.seen.find((line) => line.type === 'verify')?.checks ?? [];
}

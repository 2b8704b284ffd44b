import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { SnapshotProgress } from '@stillframe/snapshot';
import type { Command } from 'commander';
import pc from 'picocolors';
import type { CliContext } from '../cli.ts';
import { exitCodes } from '../exit-code.ts';
import { lookOf } from '../picture.ts';
import { type PictureSummary, pictureText } from '../report/picture-summary.ts';
import { createProgress, type Progress } from '../report/progress.ts';
import type { Report } from '../report/report.ts';
import { showBytes } from '../report/units.ts';
import type { OracleCheck } from '../workloads/index.ts';

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
    .action((flags: DemoFlags) => demo(flags, context));
}

/** A line of one of the two processes, which are this program: what it may hold, by its type. */
interface Line extends Partial<Omit<PictureSummary, 'type'>> {
  readonly type: string;
  readonly port?: number;
  readonly progress?: SnapshotProgress;
  readonly checks?: readonly OracleCheck[];
}

async function demo(flags: DemoFlags, context: CliContext): Promise<void> {
  const report = context.report(flags.json === true);
  const folder = await mkdtemp(path.join(tmpdir(), 'stillframe-demo-'));
  const children: ChildProcess[] = [];
  try {
    const image = path.join(folder, 'image.sfp');
    report.talk(pc.bold('1. A destination: it keeps only an image that it has verified.'));
    const dest = start(
      children,
      ['dest', '--listen', '127.0.0.1:0', '--into', `file:${image}`, '--once', '--json'],
      context,
    );
    const { port } = await dest.line('listening');
    report.talk(
      pc.bold(
        `2. A source: the workload ${flags.workload} keeps writing, and its memory is pictured and sent.`,
      ),
    );
    const source = start(
      children,
      [
        'source',
        '--to',
        `127.0.0.1:${String(port)}`,
        '--workload',
        flags.workload,
        '--limiter',
        flags.limiter,
        '--json',
      ],
      context,
    );
    const summary = await follow(source, createProgress(context, '   picture', report.isJson), report);
    const theirs = await dest.line('summary');
    const [sourceCode, destCode] = await Promise.all([source.exit, dest.exit]);
    if (sourceCode !== 0 || destCode !== 0 || summary === undefined) {
      report.talk(`the source ended with ${sourceCode}, the destination with ${destCode}`);
      report.event({ type: 'summary', outcome: 'failed', verified: false });
      context.setExitCode(sourceCode || destCode || exitCodes.bug);
      return;
    }
    const { size } = await stat(image);
    const verified = summary.verified && theirs.digest === summary.digest;
    report.talk(pc.bold(`3. Verified by the destination, from its file of ${showBytes(size)}:`));
    for (const { name, ok, detail } of checksOf(dest)) {
      report.talk(`   ${ok ? pc.green('ok') : pc.red('no')}  ${name}: ${detail}`);
    }
    report.talk('');
    const words = verified ? pc.green('yes: digest and oracle, by the destination') : pc.red('no');
    report.result(pictureText(summary, words), { ...summary, verified });
    if (!verified) context.setExitCode(exitCodes.corrupt);
  } finally {
    await end(children);
    await rm(folder, { recursive: true, force: true });
  }
}

interface Child {
  /** The first line of that type; an empty one when the process ended without it. */
  line(type: string): Promise<Line>;
  lines(): AsyncIterable<Line>;
  readonly seen: readonly Line[];
  readonly exit: Promise<number>;
}

/** This very program with other arguments; its lines are read, its talk goes where ours goes if it has bad news. */
function start(children: ChildProcess[], args: readonly string[], context: CliContext): Child {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], {
    // The channel tells it when we are gone, also when nobody could tell us to end it.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    signal: context.signal,
  });
  children.push(child);
  child.on('error', () => undefined);
  let talk = '';
  child.stderr!.on('data', (text: Buffer) => {
    talk += text.toString();
  });
  const seen: Line[] = [];
  const news = new EventTarget();
  let isOver = false;
  createInterface({ input: child.stdout! })
    .on('line', (text) => {
      seen.push(JSON.parse(text));
      news.dispatchEvent(new Event('news'));
    })
    .on('close', () => {
      isOver = true;
      news.dispatchEvent(new Event('news'));
    });
  const exit = once(child, 'exit').then(([code]: (number | null)[]) => {
    if (code !== 0) context.stderr.write(talk);
    return code ?? exitCodes.bug;
  });
  exit.catch(() => undefined);
  const lines = async function* () {
    for (let at = 0; ; ) {
      while (at < seen.length) yield seen[at++]!;
      if (isOver) return;
      // oxlint-disable-next-line no-await-in-loop -- until the process has said more
      await new Promise((resolve) => {
        news.addEventListener('news', resolve, { once: true });
      });
    }
  };
  return {
    seen,
    exit,
    lines,
    async line(type) {
      for await (const line of lines()) if (line.type === type) return line;
      return { type: 'none' };
    },
  };
}

/** Shows the source's progress. @returns Its summary, if it came to one. */
async function follow(
  source: Child,
  progress: Progress,
  report: Report,
): Promise<PictureSummary | undefined> {
  let summary: PictureSummary | undefined;
  for await (const line of source.lines()) {
    if (line.progress !== undefined) progress.show(lookOf(line.progress));
    if (isPicture(line)) summary = line;
    else report.event(line);
  }
  progress.end();
  return summary;
}

function isPicture(line: Line | PictureSummary): line is PictureSummary {
  return line.type === 'summary' && line.outcome === 'done';
}

function checksOf(dest: Child): readonly OracleCheck[] {
  return dest.seen.find((line) => line.type === 'verify')?.checks ?? [];
}

/** No process outlives the demo. */
async function end(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await exited;
      clearTimeout(timer);
    }),
  );
}

const GRACE_MS = 3000;

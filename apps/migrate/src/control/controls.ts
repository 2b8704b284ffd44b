import type { Guest, LinkNumbers, SnapshotOptions, SnapshotRun } from '@stillframe/snapshot';
import type { CliContext } from '../cli.ts';
import type { CaptureChoice } from '../options/capture-options.ts';
import type { ControlFlags } from '../options/control-options.ts';
import type { Report } from '../report/report.ts';
import { openTrace, type RunTrace } from '../trace/run-trace.ts';
import { answer } from './answer.ts';
import { startControlServer } from './control-server.ts';
import { reloadOnHangUp } from './reload.ts';
import { Steering } from './steering.ts';

export interface ControlsOptions {
  readonly context: CliContext;
  readonly report: Report;
  readonly flags: ControlFlags;
  readonly capture: CaptureChoice;
  /** Of the command and its time limit. */
  readonly signal: AbortSignal;
}

/** The ways in which a picture is watched and steered from outside: `--control`, `--trace`, SIGHUP. */
export interface Controls extends AsyncDisposable {
  /** Also fires when the picture is cancelled. */
  readonly signal: AbortSignal;
  /** Of the snapshot of `guest`, which `follow` is to be told of. */
  snapshotOptions(guest: Guest): Pick<SnapshotOptions, 'limiter' | 'onLimiterStep'>;
  follow<Run extends SnapshotRun>(run: Run): Run;
  /** Whether another snapshot comes after the next one that is followed; not unless this is called. */
  expectMore(hasMore: boolean): void;
  /** For the status: what becomes of the connection, where it may come back. */
  followLink(link: (() => LinkNumbers) | undefined): void;
}

/** `take` with controls that are there while it works. Throws CliError for a socket or a trace that cannot be had, before anything starts. */
export async function steered<T>(
  options: ControlsOptions,
  take: (controls: Controls) => Promise<T>,
): Promise<T> {
  await using controls = await openControls(options);
  return await take(controls);
}

async function openControls(options: ControlsOptions): Promise<Controls> {
  const steering = new Steering(options.capture, options.report);
  const opened: AsyncDisposable[] = [];
  const close = async () => {
    // oxlint-disable-next-line no-await-in-loop -- the last opened first
    for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
  };
  try {
    const trace = options.flags.trace === undefined ? undefined : await openTrace({ ...options, steering });
    if (trace !== undefined) opened.push(trace);
    await openSteeringWheels(options, steering, opened);
    return controlsOf(options.signal, steering, trace, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function openSteeringWheels(
  { context, report, flags, capture }: ControlsOptions,
  steering: Steering,
  opened: AsyncDisposable[],
): Promise<void> {
  const { control: path, config: configPath } = flags;
  if (path !== undefined) {
    const ask = (line: string) => answer(line, steering);
    opened.push(await startControlServer({ path, answer: ask }));
    report.event({ type: 'control', path });
  }
  if (configPath === undefined) return;
  const isLimiterByFlag = flags.limiter !== undefined;
  opened.push(reloadOnHangUp({ context, report, steering, configPath, capture, isLimiterByFlag }));
}

function controlsOf(
  signal: AbortSignal,
  steering: Steering,
  trace: RunTrace | undefined,
  close: () => Promise<void>,
): Controls {
  let startedWith = steering.limiter;
  return {
    signal: AbortSignal.any([signal, steering.signal]),
    snapshotOptions(guest) {
      startedWith = steering.limiter;
      if (trace === undefined) return { limiter: startedWith };
      return { limiter: startedWith, onLimiterStep: (step) => trace.step(step, guest) };
    },
    follow(run) {
      trace?.follow(run);
      steering.follow(run, startedWith);
      return run;
    },
    followLink: (link) => steering.followLink(link),
    expectMore: (hasMore) => steering.expectMore(hasMore),
    [Symbol.asyncDispose]: close,
  };
}

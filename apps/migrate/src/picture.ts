/* oxlint-disable no-await-in-loop -- pictures come one after the other */
import type { Guest, SnapshotRun, SnapshotSummary } from '@stillframe/snapshot';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CliContext } from './cli.ts';
import type { CaptureChoice } from './options/capture-options.ts';
import type { GuestChoice, WorkloadChoice } from './options/guest-options.ts';
import { pictureProcess, type ProcessPicture } from './picture-process.ts';
import { type MachinePicture, pictureMachine } from './qemu/picture-machine.ts';
import { watchPicture } from './report/watch-picture.ts';
import type { Report } from './report/report.ts';
import { type StallPhase, type StallSummary, startWorkload } from './workloads/index.ts';
import { workloadGuest } from './workload-guest.ts';

/** What a snapshot was, and what is known of its guest. */
export type Picture<Summary extends SnapshotSummary> =
  | WorkloadPicture<Summary>
  | ProcessPicture<Summary>
  | MachinePicture<Summary>;

/** What a snapshot of a workload was, and what the workload felt of it. */
export interface WorkloadPicture<Summary extends SnapshotSummary> {
  readonly summary: Summary;
  readonly writes: number;
  readonly writeStallUs: Record<StallPhase, StallSummary>;
}

export interface PictureOptions<Summary extends SnapshotSummary, Choice = GuestChoice> {
  readonly context: CliContext;
  readonly report: Report;
  readonly guest: Choice;
  readonly capture: CaptureChoice;
  readonly signal: AbortSignal;
  /** Starts the snapshot: to a peer or into a file. */
  readonly start: (guest: Guest) => Promise<SnapshotRun<Summary>>;
  /** Starts another one of the same guest when one is done; the last summary counts. */
  readonly next?: (guest: Guest, summary: Summary) => Promise<SnapshotRun<Summary> | undefined>;
}

/** Pictures a guest while it goes on. */
export async function pictureGuest<Summary extends SnapshotSummary>(
  options: PictureOptions<Summary>,
): Promise<Picture<Summary>> {
  const { guest } = options;
  if ('machine' in guest) return await pictureMachine({ ...options, guest: guest.machine });
  return 'process' in guest
    ? await pictureProcess({ ...options, guest: guest.process })
    : await pictureWorkload({ ...options, guest });
}

/**
 * Runs a workload, pictures it while it writes, and lets it go on for a while. Whatever happens to the snapshot, the workload goes on, and
 * its own account of that is told before the failure is.
 */
export async function pictureWorkload<Summary extends SnapshotSummary>(
  options: PictureOptions<Summary, WorkloadChoice>,
): Promise<WorkloadPicture<Summary>> {
  const { context, report, guest: choice, signal } = options;
  const { name } = choice.workload;
  report.talk(`starting the workload ${name}`);
  const workload = await startWorkload(choice.workload);
  try {
    report.event({ type: 'workload', state: 'running', name, options: choice.workload.options });
    await sleep(choice.beforeMs, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
    await using guest = workloadGuest(
      workload,
      options.capture.spillDirectory === undefined ? {} : { spillDirectory: options.capture.spillDirectory },
    );
    try {
      const summary = await takeEach(guest, options, async (run) => {
        workload.phase('during');
        // What the destination does with the image after the last page is no time of the snapshot for the guest.
        await watchPicture(run, { context, report, onDisarmed: () => workload.phase('after') });
      });
      await sleep(choice.afterMs, undefined, { signal }).catch(() => undefined);
      return { summary, writes: workload.progress().writes, writeStallUs: workload.stalls() };
    } catch (error) {
      await provesAlive(workload, report);
      throw error;
    }
  } finally {
    await workload.stop();
  }
}

/** Takes one picture after the other, and gives the last summary. */
export async function takeEach<Summary extends SnapshotSummary>(
  guest: Guest,
  { start, next }: Pick<PictureOptions<Summary>, 'start' | 'next'>,
  watch: (run: SnapshotRun<Summary>) => Promise<void>,
): Promise<Summary> {
  for (let run = await start(guest); ; ) {
    await watch(run);
    const summary = await run.result;
    const another = await next?.(guest, summary);
    if (another === undefined) return summary;
    run = another;
  }
}

/** After a failure: the guest is unharmed (I-4), and here is the proof. */
async function provesAlive(
  workload: Awaited<ReturnType<typeof startWorkload>>,
  report: Report,
): Promise<void> {
  const before = workload.progress().writes;
  for (let looks = 0; looks < ALIVE_LOOKS && workload.progress().writes === before; looks++) {
    // Until it has written.
    await sleep(ALIVE_LOOK_MS);
  }
  const { writes } = workload.progress();
  const isAlive = writes > before && workload.failure() === undefined;
  report.talk(isAlive ? `the workload goes on (${writes} writes)` : 'the workload does not go on');
  report.event({ type: 'workload', state: isAlive ? 'running' : 'stuck', writes });
}

const ALIVE_LOOK_MS = 10;
const ALIVE_LOOKS = 500;

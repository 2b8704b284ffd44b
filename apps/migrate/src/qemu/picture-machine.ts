import { decodeMachine, qemuGuest } from '@stillframe/guests/qemu';
import type { Guest, GuestState, SnapshotSummary } from '@stillframe/snapshot';
import { type PictureOptions, takeEach } from '../picture.ts';
import { watchPicture } from '../report/watch-picture.ts';
import { runOnCut } from './on-cut.ts';
import type { QemuChoice } from './qemu-options.ts';

/** What a picture says of its machine. */
export interface MachineFacts {
  readonly qemuPid: number;
  readonly qemuVersion: string;
  readonly wasRunning: boolean;
  /** How long the machine stood still, by QEMU's clock. `pauseMs` also has what QEMU does before it stops the machine. */
  readonly guestPauseMs: number;
  readonly deviceBytes: number;
}

/** What a snapshot of a machine was, and what was found of the machine. */
export interface MachinePicture<Summary extends SnapshotSummary> extends MachineFacts {
  readonly summary: Summary;
}

/** Pictures a virtual machine that goes on meanwhile. Whatever happens to the snapshot, the machine is as it was (I-4). */
export async function pictureMachine<Summary extends SnapshotSummary>(
  options: PictureOptions<Summary, QemuChoice>,
): Promise<MachinePicture<Summary>> {
  const { context, report, guest: choice, signal, capture } = options;
  report.talk(`attaching to the machine at ${choice.qmp}`);
  signal.throwIfAborted();
  const { onCut } = choice;
  await using machine = await qemuGuest({
    qmp: choice.qmp,
    ...(onCut === undefined ? {} : { onCut: () => runOnCut(onCut, signal) }),
    ...(capture.spillDirectory === undefined ? {} : { spillDirectory: capture.spillDirectory }),
  });
  report.event({ type: 'machine', state: 'attached', pid: machine.pid, qemu: machine.version });
  signal.throwIfAborted();
  let saved: GuestState | undefined;
  const guest: Guest = {
    get regions() {
      return machine.regions;
    },
    pause: () => machine.pause(),
    resume: () => machine.resume(),
    async saveState() {
      saved = await machine.saveState();
      return saved;
    },
    open: (captureOptions) => machine.open(captureOptions),
    [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose](),
  };
  const summary = await takeEach(guest, options, (run) => watchPicture(run, { context, report }));
  if (saved === undefined) throw new Error('there was no cut');
  const { manifest, devices } = decodeMachine(saved);
  return {
    summary,
    qemuPid: machine.pid,
    qemuVersion: machine.version,
    wasRunning: manifest.wasRunning,
    guestPauseMs: machine.pausedMs,
    deviceBytes: devices.byteLength,
  };
}

import { decodeMachine, decodeManifest, type QemuGuest, qemuGuest } from '@stillframe/guests/qemu';
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
  /** What the picture lacks for a machine to go on from it: nothing, or with private RAM the devices and their memory. */
  readonly missing: readonly string[];
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
  const missing = missingOf(machine);
  if (missing.length > 0) {
    const message = `QEMU does not leave guest RAM out of what it saves (it is private, or has no file), so the picture has nothing else: without ${missing.join(', ')} no machine goes on from it`;
    report.talk(`warning: ${message}`);
    report.event({ type: 'warning', code: 'QEMU_NO_DEVICES', message, missing });
  }
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
  const { manifest, hasDevices } = decodeManifest(saved);
  return {
    summary,
    qemuPid: machine.pid,
    qemuVersion: machine.version,
    wasRunning: manifest.wasRunning,
    guestPauseMs: machine.pausedMs,
    deviceBytes: hasDevices ? decodeMachine(saved).devices.byteLength : 0,
    missing,
  };
}

/** With RAM that it does not leave out QEMU would save the devices only with a copy of it. */
function missingOf({ hasDevices, layout }: QemuGuest): string[] {
  return hasDevices ? [] : ['devices', ...layout.withDevices.map(({ name }) => name)];
}

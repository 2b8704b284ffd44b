import { decodeMachine, type MachineManifest, QEMU_STATE_KIND } from '@stillframe/guests/qemu';
import { showForeign } from '../report/units.ts';
import type { ImageSurvey } from '../survey-image.ts';

/** Undefined for another guest, and for a state that cannot be read: the rest is shown all the same. */
export function machineOf({
  state: { kind },
  stateBytes,
}: Pick<ImageSurvey, 'state' | 'stateBytes'>): MachineManifest | undefined {
  if (kind !== QEMU_STATE_KIND) return undefined;
  try {
    return decodeMachine({ kind, bytes: stateBytes }).manifest;
  } catch {
    return undefined;
  }
}

/** What an image of a machine has, for people. */
export function machineImageRows({
  qemuVersion,
  commandLine,
  wasRunning,
}: MachineManifest): [string, string][] {
  return [
    ['machine', `QEMU ${showForeign(qemuVersion)}, ${wasRunning ? 'running' : 'paused'}`],
    ['command', showForeign(commandLine.join(' '))],
  ];
}

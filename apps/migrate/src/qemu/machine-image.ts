import {
  decodeManifest,
  type MachineManifest,
  QEMU_RAM_STATE_KIND,
  QEMU_STATE_KIND,
} from '@stillframe/guests/qemu';
import { showForeign } from '../report/units.ts';
import type { ImageSurvey } from '../survey-image.ts';

/** A machine in an image: its RAM, with its devices or without. */
export interface MachineImage extends MachineManifest {
  readonly hasDevices: boolean;
}

const KINDS: ReadonlySet<string> = new Set([QEMU_STATE_KIND, QEMU_RAM_STATE_KIND]);

/** Undefined for another guest, and for a state that cannot be read: the rest is shown all the same. */
export function machineOf({
  state: { kind },
  stateBytes,
}: Pick<ImageSurvey, 'state' | 'stateBytes'>): MachineImage | undefined {
  if (!KINDS.has(kind)) return undefined;
  try {
    const { manifest, hasDevices } = decodeManifest({ kind, bytes: stateBytes });
    return { ...manifest, hasDevices };
  } catch {
    return undefined;
  }
}

/** What an image of a machine has, for people. */
export function machineImageRows({
  qemuVersion,
  commandLine,
  wasRunning,
  hasDevices,
}: MachineImage): [string, string][] {
  return [
    ['machine', `QEMU ${showForeign(qemuVersion)}, ${wasRunning ? 'running' : 'paused'}`],
    ...(hasDevices ? [] : [['devices', 'missing: no machine goes on from it'] as [string, string]]),
    ['command', showForeign(commandLine.join(' '))],
  ];
}

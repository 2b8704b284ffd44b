import { showBytes, showForeign, showMs } from '../report/units.ts';
import type { MachineFacts } from './picture-machine.ts';

/** Of a machine, for people. */
export function machineRows(facts: Partial<MachineFacts>): [string, string][] {
  const { qemuPid, qemuVersion = '', wasRunning, guestPauseMs = 0, deviceBytes = 0, missing = [] } = facts;
  if (qemuPid === undefined) return [];
  const stood = wasRunning === true ? `stood still for ${showMs(guestPauseMs)}` : 'was paused, and is';
  return [
    ['machine', `QEMU ${qemuVersion}, process ${qemuPid}`],
    ['', `${stood}; devices ${missing.length > 0 ? 'missing' : showBytes(deviceBytes)}`],
    ...(missing.length > 0 ? [['missing', showForeign(missing.join(', '))] as [string, string]] : []),
  ];
}

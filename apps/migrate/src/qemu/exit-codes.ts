import type { QemuErrorCode } from '@stillframe/guests/qemu';
import { exitCodes } from '../exit-codes.ts';

const { refused, notConverged, corrupt, version, peerLost } = exitCodes;

const QEMU: Readonly<Record<QemuErrorCode, number>> = {
  QEMU_UNREACHABLE: peerLost,
  QEMU_PROTOCOL: refused,
  QEMU_COMMAND: refused,
  QEMU_TIMEOUT: notConverged,
  QEMU_CLOSED: notConverged,
  QEMU_PROCESS_UNKNOWN: refused,
  QEMU_RUN_STATE: refused,
  QEMU_MIGRATION_BUSY: refused,
  QEMU_MIGRATION_BLOCKED: refused,
  QEMU_RAM_PRIVATE: refused,
  QEMU_RAM_UNMATCHED: refused,
  QEMU_RAM_SHARED: refused,
  QEMU_DEVICE_DMA: refused,
  QEMU_BALLOON: refused,
  QEMU_STATE_TOO_LARGE: refused,
  QEMU_STATE_INVALID: corrupt,
  QEMU_STATE_VERSION: version,
  QEMU_NO_DEVICES: refused,
  QEMU_LAYOUT_MISMATCH: refused,
  QEMU_INCOMING_FAILED: refused,
};

/** Exit codes of what a virtual machine fails with. */
export const QEMU_CODES: ReadonlyMap<string, number> = new Map(Object.entries(QEMU));

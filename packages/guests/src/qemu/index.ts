export { QemuError, type QemuErrorCode } from './error.ts';
export { IncomingMachine, type IncomingOptions, loadMachine, startMachine } from './incoming.ts';
export {
  type QemuMovingGuest,
  qemuMovingGuest,
  type QemuMovingGuestOptions,
} from './moving/qemu-moving-guest.ts';
export {
  type MachinePages,
  type ServedMachineMemory,
  serveMachine,
  type ServeMachineOptions,
} from './moving/serve-machine.ts';
export type { RamBlock } from './ram-block.ts';
export type { RamLayout, SharedRam } from './ram-layout.ts';
export { type QemuGuest, qemuGuest, type QemuGuestOptions } from './qemu-guest.ts';
export { QmpClient, type QmpEvent, type QmpOptions } from './qmp-client.ts';
export {
  decodeMachine,
  decodeManifest,
  type MachineManifest,
  QEMU_RAM_STATE_KIND,
  QEMU_STATE_KIND,
  type SavedMachine,
} from './saved-machine.ts';

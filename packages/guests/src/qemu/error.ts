import { OperatingError, type OperatingErrorOptions } from '@stillframe/snapshot';

/** What to do about each code. */
const HINTS = {
  QEMU_UNREACHABLE: 'Start QEMU with -qmp unix:PATH,server=on,wait=off, and name PATH. One client at a time.',
  QEMU_PROTOCOL: 'Is the socket that of a QMP server? A human monitor or a guest agent speaks otherwise.',
  QEMU_COMMAND: 'QEMU refused a command; its own words are in the message.',
  QEMU_TIMEOUT: 'QEMU did not answer in time. Is it stopped, or its host overloaded?',
  QEMU_CLOSED: 'The connection to QEMU has ended. The machine is as it was, unless QEMU itself ended.',
  QEMU_PROCESS_UNKNOWN:
    'Run as root or as the owner of QEMU, in the same PID and network namespaces, or name the process.',
  QEMU_RUN_STATE:
    'Only a running or a paused machine is pictured. Wake it up, or let the other operation end.',
  QEMU_MIGRATION_BUSY: 'Wait until the other migration has ended, or cancel it.',
  QEMU_MIGRATION_BLOCKED: 'Remove the device that QEMU names: its state cannot be saved.',
  QEMU_RAM_PRIVATE:
    'Start QEMU with -object memory-backend-file,share=on,… as its memory. Without that only its RAM can be pictured, and only in mode snapshot.',
  QEMU_RAM_UNMATCHED:
    'Which mapping is guest memory cannot be told for certain, and it is not guessed. Was memory added meanwhile?',
  QEMU_RAM_SHARED:
    'Another process (vhost-user, DPDK, ivshmem) writes this memory past the protection. Detach that device.',
  QEMU_DEVICE_DMA:
    'The device writes guest memory past the processor’s page tables. Unplug it, then try again.',
  QEMU_BALLOON:
    'Start the balloon device without free-page-reporting: it throws memory away during a picture.',
  QEMU_STATE_TOO_LARGE:
    'QEMU sent memory with its devices. Since 8.1 it leaves out only memory-backend-file,share=on: use that.',
  QEMU_STATE_INVALID: 'These bytes are not the state of a machine, or were damaged. Do not use this image.',
  QEMU_STATE_VERSION: 'The state was written by a newer version. Use that one, or newer, to read it.',
  QEMU_NO_DEVICES:
    'Nothing goes on from it: restore, verify and diff it as memory. For a whole machine, start QEMU with -object memory-backend-file,share=on,….',
  QEMU_LAYOUT_MISMATCH: 'Start QEMU with the memory that the image has: same ids, same sizes.',
  QEMU_INCOMING_FAILED:
    'QEMU did not accept the state. Same machine type, same devices, and no older version?',
} as const;

/** Why a machine cannot be pictured or brought back. Stable: exit codes and scripts rely on these words. */
export type QemuErrorCode = keyof typeof HINTS;

/** The machine is as it was before, whatever the code. */
export class QemuError extends OperatingError<QemuErrorCode> {
  override readonly name = 'QemuError';

  constructor(code: QemuErrorCode, message: string, options: OperatingErrorOptions = {}) {
    super(code, message, HINTS, options);
  }
}

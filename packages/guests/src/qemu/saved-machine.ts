import { QemuError } from './error.ts';
import { isObject } from './json.ts';

/** `GuestState.kind` of a machine. */
export const QEMU_STATE_KIND = 'qemu/machine@1';
const KINDS = 'qemu/machine@';
/** `GuestState.kind` of a machine's RAM without its devices: nothing goes on from it, so it is no machine to whoever knows only those. */
export const QEMU_RAM_STATE_KIND = 'qemu/ram@1';
/** A command line with hundreds of disks is below 100 kB. */
export const MANIFEST_MAX_BYTES = 2 ** 20;
const LENGTH_BYTES = 4;

/** What an image says of the machine whose memory it has. */
export interface MachineManifest {
  readonly qemuVersion: string;
  /** How that QEMU was started. */
  readonly commandLine: readonly string[];
  readonly wasRunning: boolean;
  /** RAM, in the order of the regions. */
  readonly ram: readonly { readonly id: string; readonly sizeBytes: number }[];
  /** What travels within the device state: ROM, video memory. Without devices it is not in the image. */
  readonly withDevices: readonly { readonly id: string; readonly sizeBytes: number }[];
}

export interface SavedMachine {
  readonly manifest: MachineManifest;
  /** QEMU's own migration stream, without the shared RAM. Only QEMU reads it. */
  readonly devices: Uint8Array;
}

/** Length of the manifest (u32, little-endian), the manifest (JSON), the device state, which RAM alone does not have. */
export function encodeMachine({
  manifest,
  devices = new Uint8Array(),
}: Pick<SavedMachine, 'manifest'> & Partial<SavedMachine>): Uint8Array {
  const json = Buffer.from(JSON.stringify(manifest));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(json.byteLength);
  return Buffer.concat([length, json, devices]);
}

/** @throws QemuError QEMU_STATE_INVALID, QEMU_STATE_VERSION, QEMU_NO_DEVICES for RAM alone. */
export function decodeMachine({ kind, bytes }: StateBytes): SavedMachine {
  if (kind === QEMU_RAM_STATE_KIND) {
    throw new QemuError('QEMU_NO_DEVICES', 'the image has the RAM of a machine, but not its devices');
  }
  if (kind !== QEMU_STATE_KIND) {
    const code = kind.startsWith(KINDS) ? 'QEMU_STATE_VERSION' : 'QEMU_STATE_INVALID';
    throw new QemuError(code, `the image is of ${kind}, not of ${QEMU_STATE_KIND}`);
  }
  const { manifest, rest } = parts(bytes);
  if (rest.byteLength === 0) throw invalid('it has no devices');
  return { manifest, devices: rest };
}

/** What the image of a machine says of it, with its devices or without. @throws QemuError as `decodeMachine`, but QEMU_NO_DEVICES. */
export function decodeManifest({ kind, bytes }: StateBytes): {
  manifest: MachineManifest;
  hasDevices: boolean;
} {
  if (kind !== QEMU_RAM_STATE_KIND)
    return { manifest: decodeMachine({ kind, bytes }).manifest, hasDevices: true };
  return { manifest: parts(bytes).manifest, hasDevices: false };
}

interface StateBytes {
  readonly kind: string;
  readonly bytes: Uint8Array;
}

function parts(bytes: Uint8Array): { manifest: MachineManifest; rest: Uint8Array } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lengthBytes = buffer.byteLength < LENGTH_BYTES ? 0 : buffer.readUInt32LE();
  const end = LENGTH_BYTES + lengthBytes;
  if (lengthBytes === 0 || lengthBytes > MANIFEST_MAX_BYTES || end > buffer.byteLength) {
    throw invalid(`its manifest has ${lengthBytes} of ${buffer.byteLength} bytes`);
  }
  let manifest: unknown;
  try {
    manifest = JSON.parse(buffer.toString('utf8', LENGTH_BYTES, end));
  } catch {
    manifest = undefined;
  }
  if (!isManifest(manifest)) throw invalid('its manifest is not one');
  return { manifest, rest: buffer.subarray(end) };
}

function isManifest(value: unknown): value is MachineManifest {
  return (
    isObject(value) &&
    typeof value['qemuVersion'] === 'string' &&
    typeof value['wasRunning'] === 'boolean' &&
    Array.isArray(value['commandLine']) &&
    value['commandLine'].every((word) => typeof word === 'string') &&
    areBlocks(value['ram']) &&
    areBlocks(value['withDevices'])
  );
}

function areBlocks(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (block) =>
        isObject(block) && typeof block['id'] === 'string' && Number.isSafeInteger(block['sizeBytes']),
    )
  );
}

function invalid(why: string): QemuError {
  return new QemuError('QEMU_STATE_INVALID', `the state of the machine is damaged: ${why}`);
}

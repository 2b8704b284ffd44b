import { isShared as isSharedMapping } from '../process/mapping.ts';
import { type MapsLine, PERM_WRITE } from '../process/maps-line.ts';
import { QemuError } from './error.ts';
import type { JsonObject } from './json.ts';
import type { RamBlock } from './ram-block.ts';

/** A memory backend: what can be shared, and what the guest uses as RAM. */
export interface MemoryBackend {
  readonly id: string;
  readonly sizeBytes: number;
  readonly isShared: boolean;
  /** QEMU leaves it out of what it saves (x-ignore-shared). */
  readonly isLeftOut: boolean;
}

/** Guest RAM that is captured page by page. */
export interface SharedRam extends RamBlock {
  readonly address: bigint;
}

/**
 * All memory that QEMU has for its guest. What it does not leave out of what it saves it would send with the devices: where there is such
 * RAM, the devices are not to be had without a copy of it.
 */
export interface RamLayout {
  /** RAM that QEMU leaves out: shared, and in its eyes so. */
  readonly shared: readonly SharedRam[];
  /** RAM that QEMU would send: private, or since 8.1 without a file of its own. */
  readonly sent: readonly SharedRam[];
  /** ROM and video memory, which travels with the devices. */
  readonly withDevices: readonly RamBlock[];
}

/** `shared`: RAM that QEMU would send is refused. */
export type WantedRam = 'shared' | 'any';

/** From this version on a mapping that is shared is not enough: it has to be of a file with a name. */
const NAMED_FILES_SINCE = [8, 1] as const;
const NAMED_FILE = 'memory-backend-file';

/** Non-shared memory up to here is that of devices: 32 MiB of firmware and a large video memory. Above, it is guest RAM. */
export const WITH_DEVICES_MAX_BYTES = 256 * 2 ** 20;

/** From `query-memdev`; the QOM type of its object, and the version of this QEMU. */
export function memoryBackend(
  { id, size, share }: JsonObject,
  { type, version }: { readonly type: string; readonly version: string },
): MemoryBackend {
  const isShared = share === true;
  return {
    id: typeof id === 'string' ? id : '',
    sizeBytes: typeof size === 'number' ? size : 0,
    isShared,
    isLeftOut: isShared && (type === NAMED_FILE || isBefore(version, NAMED_FILES_SINCE)),
  };
}

function isBefore(version: string, [major, minor]: readonly [number, number]): boolean {
  const [ofMajor = 0, ofMinor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return ofMajor < major || (ofMajor === major && ofMinor < minor);
}

/**
 * Finds the mappings of guest RAM by what QEMU says of them: name, size, address.
 *
 * @throws QemuError QEMU_RAM_PRIVATE, QEMU_STATE_TOO_LARGE for RAM that QEMU would send with the devices, QEMU_RAM_UNMATCHED when what QEMU says and what is
 * mapped do not agree.
 */
export function layoutOf(
  blocks: readonly RamBlock[],
  backends: readonly MemoryBackend[],
  mappings: readonly MapsLine[],
  wanted: WantedRam = 'shared',
): RamLayout {
  if (wanted === 'shared') assertLeftOut(backends);
  const ids = new Set(backends.map(({ id }) => id));
  const withDevices = blocks.filter(({ name }) => !ids.has(backendOf(name)));
  const large = withDevices.find(({ sizeBytes }) => sizeBytes > WITH_DEVICES_MAX_BYTES);
  if (backends.length === 0 || large !== undefined) {
    throw new QemuError('QEMU_RAM_PRIVATE', `${large?.name ?? 'guest memory'} has no shared memory backend`);
  }
  const located = backends.map(({ id, sizeBytes, isShared, isLeftOut }) => {
    const named = blocks.filter(({ name }) => backendOf(name) === id);
    const block = named[0];
    if (named.length !== 1 || block === undefined || block.sizeBytes !== sizeBytes) {
      throw new QemuError('QEMU_RAM_UNMATCHED', `QEMU has no memory ${id} of ${sizeBytes} bytes`);
    }
    return { isLeftOut, ram: isShared ? locate(block, mappings) : locatePrivate(block, mappings) };
  });
  const ramOf = (isWanted: boolean) =>
    located.flatMap(({ isLeftOut, ram }) => (isLeftOut === isWanted ? [ram] : []));
  return { shared: ramOf(true), sent: ramOf(false), withDevices };
}

function assertLeftOut(backends: readonly MemoryBackend[]): void {
  const sent = backends.find(({ isLeftOut }) => !isLeftOut);
  if (sent === undefined) return;
  const { id, sizeBytes, isShared } = sent;
  const operands = { id, sizeBytes };
  if (isShared) {
    const message = `QEMU sends the memory ${id} with the devices: it is no file with a name`;
    throw new QemuError('QEMU_STATE_TOO_LARGE', message, { operands });
  }
  throw new QemuError('QEMU_RAM_PRIVATE', `the memory backend ${id || '(unnamed)'} is private`, { operands });
}

/** The block of the backend `ram0` is called `ram0`, or with a path before it since canonical paths are used: `/objects/ram0`. */
export function backendOf(name: string): string {
  return name.startsWith('/objects/') ? name.slice('/objects/'.length) : name;
}

function addressOf({ address, name }: RamBlock): bigint {
  if (address !== undefined) return address;
  throw new QemuError('QEMU_RAM_UNMATCHED', `this QEMU does not tell where ${name} is`, {
    hint: 'Use QEMU 7.2 or newer.',
  });
}

function locate(block: RamBlock, mappings: readonly MapsLine[]): SharedRam {
  const { name, sizeBytes } = block;
  const address = addressOf(block);
  const end = address + BigInt(sizeBytes);
  const first = mappings.find((mapping) => mapping.start < end && mapping.end > address);
  const covers = first !== undefined && first.start <= address && first.end >= end;
  if (!covers || !isSharedMapping(first) || first.inode === 0n) {
    throw new QemuError(
      'QEMU_RAM_UNMATCHED',
      `${name} is not one shared mapping at 0x${address.toString(16)}`,
    );
  }
  const again = mappings.find(
    (each) =>
      each !== first &&
      each.inode === first.inode &&
      each.devMinor === first.devMinor &&
      each.devMajor === first.devMajor,
  );
  if (again !== undefined) {
    throw new QemuError(
      'QEMU_RAM_UNMATCHED',
      `${name} is mapped twice: writes through the other mapping would not be seen`,
    );
  }
  return { ...block, address };
}

/** It may be in several mappings next to each other: the kernel splits them where somebody gave a part other advice. */
function locatePrivate(block: RamBlock, mappings: readonly MapsLine[]): SharedRam {
  const { name, sizeBytes } = block;
  const address = addressOf(block);
  const end = address + BigInt(sizeBytes);
  const within = mappings.filter((mapping) => mapping.start < end && mapping.end > address);
  const isOfFile = within.some((mapping) => mapping.inode !== 0n);
  if (isOfFile) {
    throw new QemuError(
      'QEMU_RAM_PRIVATE',
      `${name} is a private mapping of a file, which cannot be protected`,
      {
        hint: 'Add share=on to its memory backend, or leave the file out (memory-backend-ram).',
      },
    );
  }
  let reached = address;
  for (const mapping of within) {
    if (mapping.start > reached || isSharedMapping(mapping) || (mapping.perms & PERM_WRITE) === 0) break;
    reached = mapping.end;
  }
  if (reached >= end) return { ...block, address };
  throw new QemuError(
    'QEMU_RAM_UNMATCHED',
    `${name} is not private memory of QEMU at 0x${address.toString(16)}`,
  );
}

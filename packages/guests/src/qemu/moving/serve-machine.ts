import type { Region } from '@stillframe/snapshot';
import {
  type Feature,
  madvise,
  mmap,
  munmap,
  PageServer,
  UffdError,
  type Userfaultfd,
} from '@stillframe/uffd';
import { Attachment, type AttachmentOptions } from '../../process/attachment.ts';
import { ProcDirectory } from '../../process/proc-directory.ts';
import { QemuError } from '../error.ts';
import type { QmpClient } from '../qmp-client.ts';
import { readLayout } from '../read-layout.ts';
import { MachineWatch } from './machine-watch.ts';

/** Pages of one region, in its pages. */
export interface MachinePages {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
}

export interface ServeMachineOptions extends AttachmentOptions {
  /** Of a QEMU that waits for its devices (`-incoming defer -S`). */
  readonly qmp: QmpClient;
  readonly pid: number;
  /** Its RAM, and a file of memory for each, which QEMU has mapped, too. */
  readonly regions: readonly Region[];
  readonly fds: readonly number[];
  /** What comes later: ascending, not overlapping. Each becomes a region of the server. */
  readonly ranges: readonly MachinePages[];
  /** Within `ranges`: what is in the files there is thrown away. */
  readonly missing: readonly MachinePages[];
}

export interface ServedMachineMemory {
  readonly server: PageServer;
  /** After `server.close()`. Idempotent. */
  readonly end: () => void;
}

const FEATURES: readonly Feature[] = ['MISSING_SHMEM', 'EVENT_REMOVE', 'EVENT_UNMAP', 'EVENT_REMAP'];

/**
 * Memory of a waiting QEMU that comes when it is touched: by its processors, its devices, or by the kernel for it.
 *
 * @throws QemuError QEMU_LAYOUT_MISMATCH. @throws TraceError, UffdError when no userfaultfd can be made inside QEMU.
 */
export async function serveMachine(options: ServeMachineOptions): Promise<ServedMachineMemory> {
  const { qmp, pid, regions, fds, ranges, missing } = options;
  const addresses = await addressesOf(qmp, pid, regions);
  regions.forEach((region) => punch(region, fds[region.id]!, missing));
  const uffd = userfaultfdOf(pid, options);
  let watch: MachineWatch | undefined;
  try {
    const served = ranges.map(({ region, firstPage, pageCount }) => {
      const { pageSize } = regions[region]!;
      const fileOffset = firstPage * pageSize;
      return {
        address: addresses[region]! + BigInt(fileOffset),
        sizeBytes: pageCount * pageSize,
        pageSize,
        file: { fd: fds[region]!, fileOffset },
      };
    });
    for (const { address, sizeBytes } of served) uffd.register({ address, sizeBytes }, ['MISSING']);
    watch = new MachineWatch(pid, uffd);
    const views = served.map(({ address, sizeBytes }, region) => ({
      region,
      address,
      sizeBytes,
      firstPage: 0,
    }));
    const server = PageServer.openForeign({ uffd, regions: served, views });
    return { server, end: () => watch?.end() };
  } catch (error) {
    watch?.end();
    uffd.close();
    throw error;
  }
}

/** Where each region is in QEMU. */
async function addressesOf(qmp: QmpClient, pid: number, regions: readonly Region[]): Promise<bigint[]> {
  const { shared } = await readLayout(qmp, new ProcDirectory(pid));
  return regions.map(({ name, sizeBytes }) => {
    const block = shared.find((each) => each.name === name && each.sizeBytes === sizeBytes);
    if (block !== undefined) return block.address;
    throw new QemuError('QEMU_LAYOUT_MISMATCH', `this QEMU has no memory ${name} of ${sizeBytes} bytes`);
  });
}

function punch({ id, sizeBytes, pageSize }: Region, fd: number, missing: readonly MachinePages[]): void {
  const runs = missing.filter(({ region }) => region === id);
  if (runs.length === 0) return;
  const address = mmap({ sizeBytes, flags: ['SHARED'], fd, offsetBytes: 0 });
  try {
    for (const { firstPage, pageCount } of runs) {
      const at = address + BigInt(firstPage * pageSize);
      madvise({ address: at, sizeBytes: pageCount * pageSize }, 'REMOVE');
    }
  } finally {
    munmap({ address, sizeBytes });
  }
}

/** What cannot come is poisoned where the kernel can (Linux 6.6). */
function userfaultfdOf(pid: number, options: AttachmentOptions): Userfaultfd {
  const attachment = new Attachment(pid, options);
  try {
    return attachment.whileStopped(() => {
      try {
        return attachment.makeUserfaultfd([...FEATURES, 'POISON']);
      } catch (error) {
        if (!(error instanceof UffdError) || error.code !== 'UFFD_EINVAL') throw error;
        return attachment.makeUserfaultfd(FEATURES);
      }
    });
  } finally {
    attachment.close();
  }
}

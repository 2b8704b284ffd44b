import { fstatSync } from 'node:fs';
import type { Feature } from '../abi.ts';
import { addressOf } from '../address.ts';
import { type CaptureRegion, resolveRegions } from '../capture-region.ts';
import { argumentError, UffdError } from '../errors.ts';
import { Mapping } from '../mapping.ts';
import { madvise, mmap, munmap } from '../memory.ts';
import { type MemoryRange, pageSize as basePageSize } from '../range.ts';
import { Userfaultfd } from '../userfaultfd.ts';

/** A file in memory: memfd or another file of tmpfs, or of hugetlbfs. */
export interface MemoryFile {
  readonly fd: number;
  /** Bytes in a page; a huge page's for hugetlb. Default the base page. */
  readonly pageSize?: number;
}

/** A mapping of another process, and what it shows of a region. */
export interface ForeignView {
  /** In the address space of that process; registered there already. */
  readonly address: bigint;
  readonly sizeBytes: number;
  readonly region: number;
  /** Which page of the region it begins with. */
  readonly firstPage: number;
}

/** Memory of another process that has handed over its userfaultfd. */
export interface ForeignServing {
  /** After its handshake; its ranges are registered by its owner. */
  readonly uffd: Userfaultfd;
  readonly regions: readonly {
    readonly sizeBytes: number;
    readonly pageSize: number;
    /** The file that is mapped, if its pages are to be put there; stays the caller's. Its page `fileOffset` is the region's first. */
    readonly file?: { readonly fd: number; readonly fileOffset: number };
  }[];
  readonly views: readonly ForeignView[];
}

/** What a native server is made of. */
export interface ServerMaking {
  readonly uffd: Userfaultfd;
  /** Where pages are put into files, if that is not `uffd`. */
  readonly installUffd: Userfaultfd | undefined;
  /** Words of three: bytes, bytes in a page, where all of its file is mapped in this process or 0. */
  readonly regions: BigUint64Array;
  /** Words of four: region, address, first page, pages. */
  readonly views: BigUint64Array;
  readonly keptAlive: readonly object[];
  /** Once the native server is made, or not. */
  cleanUp(): void;
  /** When it was not made. */
  undo(): void;
  /** When it is closed. */
  end(): void;
}

const WANTED: readonly Feature[] = ['EVENT_REMOVE', 'EVENT_UNMAP', 'EVENT_REMAP'];

function openUffd(extra: readonly Feature[], userModeOnly: boolean): Userfaultfd {
  const features = [...WANTED, ...extra];
  try {
    return Userfaultfd.open({ features: [...features, 'POISON'], userModeOnly });
  } catch (error) {
    if (!(error instanceof UffdError) || error.code !== 'UFFD_EINVAL') throw error;
    return Userfaultfd.open({ features, userModeOnly });
  }
}

/** Of this process. @throws as `PageServer.open`. */
export function makeOwn(memory: readonly CaptureRegion[], userModeOnly: boolean): ServerMaking {
  const regions = resolveRegions(memory);
  for (const { address, holesAreZero } of regions) {
    if (holesAreZero) continue;
    const message = `the memory at 0x${address.toString(16)} is not private and anonymous; files are for openFiles`;
    throw argumentError(RangeError, message);
  }
  const uffd = openUffd([], userModeOnly);
  try {
    // Only memory that is not there can be missing.
    for (const region of regions) madvise(region, 'DONTNEED');
    for (const region of regions) uffd.register(region, ['MISSING']);
  } catch (error) {
    uffd.close();
    throw error;
  }
  return {
    uffd,
    installUffd: undefined,
    regions: regionWords(regions.map((region) => ({ ...region, staging: 0n }))),
    views: viewWords(
      regions.map(({ address, sizeBytes, pageSize }, region) => ({
        region,
        address,
        firstPage: 0,
        pages: sizeBytes / pageSize,
      })),
    ),
    keptAlive: memory.map((region) => region.memory),
    cleanUp: () => undefined,
    undo: () => uffd.close(),
    end: () => undefined,
  };
}

/** @throws as `PageServer.openFiles`. */
export function makeFiles(files: readonly MemoryFile[], userModeOnly: boolean): ServerMaking {
  if (files.length === 0) throw argumentError(RangeError, 'a page server needs at least one region');
  const isHuge = files.some(({ pageSize = basePageSize }) => pageSize !== basePageSize);
  const uffd = openUffd(['MISSING_SHMEM', ...(isHuge ? (['MISSING_HUGETLBFS'] as const) : [])], userModeOnly);
  const stages: Stage[] = [];
  try {
    for (const file of files) stages.push(stage(uffd, file.fd, file.pageSize ?? basePageSize));
  } catch (error) {
    unstage(stages);
    uffd.close();
    throw error;
  }
  return {
    uffd,
    installUffd: undefined,
    regions: regionWords(stages),
    views: new BigUint64Array(),
    keptAlive: [],
    cleanUp: () => undefined,
    undo: () => {
      uffd.close();
      unstage(stages);
    },
    end: () => unstage(stages),
  };
}

/** Of another process. @throws as `PageServer.openForeign`. */
export function makeForeign({ uffd, regions, views }: ForeignServing): ServerMaking {
  if (regions.length === 0) throw argumentError(RangeError, 'a page server needs at least one region');
  const withFiles = regions.some(({ file }) => file !== undefined);
  const installUffd = withFiles ? openUffd(['MISSING_SHMEM'], false) : undefined;
  const stages: Stage[] = [];
  try {
    for (const { file, pageSize, sizeBytes } of regions) {
      stages.push(
        file === undefined
          ? { sizeBytes, pageSize, staging: 0n }
          : stage(installUffd!, file.fd, pageSize, { offset: file.fileOffset, sizeBytes }),
      );
    }
  } catch (error) {
    unstage(stages);
    installUffd?.close();
    throw error;
  }
  return {
    uffd,
    installUffd,
    regions: regionWords(stages),
    views: viewWords(
      views.map(({ region, address, firstPage, sizeBytes }) => {
        const pageSize = regions[region]?.pageSize ?? 1;
        return { region, address, firstPage, pages: sizeBytes / pageSize };
      }),
    ),
    keptAlive: [],
    cleanUp: () => undefined,
    undo: () => {
      installUffd?.close();
      unstage(stages);
    },
    end: () => unstage(stages),
  };
}

/** The address and size of memory that maps a file. */
export function viewOf(memory: CaptureRegion['memory']): { address: bigint; sizeBytes: bigint } {
  const range = memory instanceof Mapping || isRange(memory) ? memory : addressOf(memory);
  return { address: range.address, sizeBytes: BigInt(range.sizeBytes) };
}

interface Stage {
  readonly sizeBytes: number;
  readonly pageSize: number;
  readonly staging: bigint;
}

/**
 * A mapping of a file that nobody touches: pages are put into the file through it (UFFDIO_COPY on shared memory), whole, and never over a
 * page that is there. A write to the file would do neither where huge pages are used for files in memory.
 */
function stage(
  uffd: Userfaultfd,
  fd: number,
  pageSize: number,
  part?: { readonly offset: number; readonly sizeBytes: number },
): Stage {
  const sizeBytes = part?.sizeBytes ?? fstatSync(fd).size;
  if (sizeBytes === 0 || sizeBytes % pageSize !== 0) {
    throw argumentError(RangeError, `a file of ${sizeBytes} bytes is not made of whole pages of ${pageSize}`);
  }
  const staging = mmap({ sizeBytes, flags: ['SHARED'], fd, offsetBytes: part?.offset ?? 0 });
  try {
    uffd.register({ address: staging, sizeBytes }, ['MISSING']);
  } catch (error) {
    munmap({ address: staging, sizeBytes });
    throw error;
  }
  return { sizeBytes, pageSize, staging };
}

function unstage(stages: readonly Stage[]): void {
  for (const { staging, sizeBytes } of stages) {
    if (staging !== 0n) munmap({ address: staging, sizeBytes });
  }
}

function regionWords(regions: readonly Stage[]): BigUint64Array {
  return BigUint64Array.from(
    regions.flatMap(({ sizeBytes, pageSize, staging }) => [BigInt(sizeBytes), BigInt(pageSize), staging]),
  );
}

function viewWords(
  views: readonly { region: number; address: bigint; firstPage: number; pages: number }[],
): BigUint64Array {
  return BigUint64Array.from(
    views.flatMap(({ region, address, firstPage, pages }) => [
      BigInt(region),
      address,
      BigInt(firstPage),
      BigInt(pages),
    ]),
  );
}

function isRange(value: CaptureRegion['memory']): value is MemoryRange {
  return 'address' in value && 'sizeBytes' in value;
}

import native from '#native';
import { argumentError, checked } from './errors.ts';
import { NamedBits } from './named-bits.ts';
import { type MemoryRange, toAddress, toFd, toPageAddress, toPageRange, toSize } from './range.ts';

// mmap(2) and its family on raw addresses. Nothing here owns anything, and like in C a wrong address hits whatever is there: `Mapping` is
// the safe form. Values: include/uapi/asm-generic/mman-common.h, the same on x86_64 and aarch64.

export type Protection = 'READ' | 'WRITE' | 'EXEC';

const protections = new NamedBits<Protection>('protection', { READ: 1, WRITE: 2, EXEC: 4 });

export type MapFlag =
  | 'SHARED'
  | 'PRIVATE'
  | 'FIXED'
  | 'ANONYMOUS'
  | 'LOCKED'
  | 'NORESERVE'
  | 'POPULATE'
  | 'HUGETLB'
  | 'FIXED_NOREPLACE';

const mapFlags = new NamedBits<MapFlag>('mmap flag', {
  SHARED: 0x01,
  PRIVATE: 0x02,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  LOCKED: 0x2000,
  NORESERVE: 0x4000,
  POPULATE: 0x8000,
  HUGETLB: 0x4_0000,
  FIXED_NOREPLACE: 0x10_0000,
});

export interface MmapOptions {
  readonly sizeBytes: number | bigint;
  /** One of SHARED and PRIVATE is needed. */
  readonly flags: readonly MapFlag[];
  /** Default READ and WRITE. */
  readonly protection?: readonly Protection[];
  /** Default none, with ANONYMOUS. */
  readonly fd?: number;
  /** Into the file. Default 0. */
  readonly offsetBytes?: number | bigint;
  /** A wish, or with FIXED an order that replaces what is there. Default 0: anywhere. */
  readonly address?: bigint;
  /** With HUGETLB: which huge pages. Default the kernel's default size. */
  readonly hugePageSize?: number;
}

/** Maps memory. @returns Its address; the caller unmaps it. */
export function mmap(options: MmapOptions): bigint {
  const { flags, protection = ['READ', 'WRITE'], fd = -1, hugePageSize } = options;
  const sizeBytes = toSize(options.sizeBytes, 'sizeBytes');
  if (sizeBytes === 0n) throw argumentError(RangeError, 'sizeBytes must not be 0');
  const offsetBytes = toPageAddress(toSize(options.offsetBytes ?? 0, 'offsetBytes'), 'offsetBytes');
  const address = toAddress(options.address ?? 0n, 'address');
  if (!flags.includes('SHARED') && !flags.includes('PRIVATE')) {
    throw argumentError(RangeError, 'mmap needs SHARED or PRIVATE among its flags');
  }
  if (!flags.includes('ANONYMOUS')) toFd(fd, 'fd');
  const flagBits =
    Number(mapFlags.maskOf(flags)) | (hugePageSize === undefined ? 0 : hugePageBits(hugePageSize));
  const mapped = native.mmap(
    address,
    sizeBytes,
    Number(protections.maskOf(protection)),
    flagBits,
    fd,
    offsetBytes,
  );
  return checked(mapped, 'mmap', { address, sizeBytes, protection, flags, fd, offsetBytes });
}

/** How mmap and memfd_create are told the size of huge pages: its binary logarithm, from bit 26 on. */
export function hugePageBits(hugePageSize: number): number {
  const exponent = Math.log2(hugePageSize);
  // 64 KiB and 16 GiB: the smallest and the largest of any supported machine; 16 GiB (34) needs all six bits.
  if (!Number.isInteger(exponent) || exponent < 16 || exponent > 34) {
    throw argumentError(
      RangeError,
      `hugePageSize must be a power of two from 65536 to ${2 ** 34}, not ${hugePageSize}`,
    );
  }
  // Signed, as the addon takes it: bit 31 belongs to the field.
  return exponent << 26;
}

/** Unmaps whole pages. Blocks while a userfaultfd with EVENT_UNMAP watches them and nobody reads its events. */
export function munmap(range: MemoryRange): void {
  const { address, sizeBytes } = toPageRange(range, 'range');
  checked(native.munmap(address, sizeBytes), 'munmap', { address, sizeBytes });
}

export interface MremapOptions {
  /** Default false: grow or shrink in place only. */
  readonly mayMove?: boolean;
  /** Move there, replacing what is there. Implies `mayMove`. */
  readonly to?: bigint;
  /** Leave the old range mapped, empty. Implies `mayMove`; the size must stay. */
  readonly keepOld?: boolean;
}

/** Resizes or moves a mapping. @returns Its new address. */
export function mremap(
  range: MemoryRange,
  newSizeBytes: number | bigint,
  options: MremapOptions = {},
): bigint {
  const { address, sizeBytes } = toPageRange(range, 'range');
  const { mayMove = false, to, keepOld = false } = options;
  const target = toPageRange({ address: to ?? 0n, sizeBytes: newSizeBytes }, 'new range');
  const moves = mayMove || to !== undefined || keepOld;
  const flags =
    (moves ? MREMAP_MAYMOVE : 0) | (to === undefined ? 0 : MREMAP_FIXED) | (keepOld ? MREMAP_DONTUNMAP : 0);
  const moved = native.mremap(address, sizeBytes, target.sizeBytes, flags, target.address);
  return checked(moved, 'mremap', {
    address,
    sizeBytes,
    newSizeBytes: target.sizeBytes,
    mayMove: moves,
    keepOld,
  });
}

const MREMAP_MAYMOVE = 1;
const MREMAP_FIXED = 2;
const MREMAP_DONTUNMAP = 4;

/** Changes the protection of whole pages. */
export function mprotect(range: MemoryRange, protection: readonly Protection[]): void {
  const { address, sizeBytes } = toPageRange(range, 'range');
  const result = native.mprotect(address, sizeBytes, Number(protections.maskOf(protection)));
  checked(result, 'mprotect', { address, sizeBytes, protection });
}

const ADVICES = {
  NORMAL: 0,
  RANDOM: 1,
  SEQUENTIAL: 2,
  WILLNEED: 3,
  DONTNEED: 4,
  FREE: 8,
  REMOVE: 9,
  DONTFORK: 10,
  DOFORK: 11,
  MERGEABLE: 12,
  UNMERGEABLE: 13,
  HUGEPAGE: 14,
  NOHUGEPAGE: 15,
  DONTDUMP: 16,
  DODUMP: 17,
  WIPEONFORK: 18,
  KEEPONFORK: 19,
  COLD: 20,
  PAGEOUT: 21,
  POPULATE_READ: 22,
  POPULATE_WRITE: 23,
  DONTNEED_LOCKED: 24,
  COLLAPSE: 25,
  GUARD_INSTALL: 102,
  GUARD_REMOVE: 103,
} as const;

/** Each is a `MADV_` of the kernel. POPULATE needs Linux 5.14, COLLAPSE 6.1, GUARD 6.13. */
export type Advice = keyof typeof ADVICES;

/** Gives advice on whole pages. DONTNEED, FREE, REMOVE and PAGEOUT discard or move out contents. */
export function madvise(range: MemoryRange, advice: Advice): void {
  const { address, sizeBytes } = toPageRange(range, 'range');
  if (!Object.hasOwn(ADVICES, advice)) {
    throw argumentError(TypeError, `${advice} is not an advice; known: ${Object.keys(ADVICES).join(', ')}`);
  }
  checked(native.madvise(address, sizeBytes, ADVICES[advice]), 'madvise', { address, sizeBytes, advice });
}

const MLOCK_ONFAULT = 1;

/** Keeps whole pages in memory. `onFault`: each from its first touch, instead of populating all now. Default false. */
export function mlock(range: MemoryRange, options: { readonly onFault?: boolean } = {}): void {
  const { address, sizeBytes } = toPageRange(range, 'range');
  const onFault = options.onFault ?? false;
  const result = native.mlock2(address, sizeBytes, onFault ? MLOCK_ONFAULT : 0);
  checked(result, 'mlock', { address, sizeBytes, onFault });
}

export function munlock(range: MemoryRange): void {
  const { address, sizeBytes } = toPageRange(range, 'range');
  checked(native.munlock(address, sizeBytes), 'munlock', { address, sizeBytes });
}

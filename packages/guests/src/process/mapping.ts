import { type MapsLine, PERM_SHARED } from './maps-line.ts';

/** What backs a mapping, as far as it matters for capturing it. */
export const MAPPING_KINDS = [
  'anonymous',
  'heap',
  'stack',
  'private-file',
  /** memfd, POSIX shared memory, files on tmpfs, MAP_SHARED | MAP_ANONYMOUS. */
  'shared-memory',
  /** MAP_SHARED of a file on any other file system, and System V shared memory: what cannot be armed. */
  'shared-file',
  'hugetlb',
  'vdso',
  'vvar',
  'vsyscall',
  'device',
] as const;
export type MappingKind = (typeof MAPPING_KINDS)[number];

/** Bits of `Mapping.flags`: those VmFlags of proc_pid_smaps(5) that we ask for. */
export const VM_FLAGS = {
  dd: 1 << 0,
  io: 1 << 1,
  pf: 1 << 2,
  ht: 1 << 3,
  mw: 1 << 4,
  gd: 1 << 5,
  um: 1 << 6,
  uw: 1 << 7,
  ui: 1 << 8,
  /** Not the kernel's: smaps was not read since this mapping came to be, so nothing is known of the others. */
  unknown: 1 << 15,
} as const;

/** One line of /proc/PID/maps, and what smaps and the file system say about it. */
export interface Mapping extends MapsLine {
  readonly kind: MappingKind;
  /** `VM_FLAGS` bits. */
  readonly flags: number;
  readonly pageSize: number;
}

export function isShared({ perms }: Pick<Mapping, 'perms'>): boolean {
  return (perms & PERM_SHARED) !== 0;
}

/** A file without a name: what the kernel's dump filter counts as anonymous when it is shared. */
export function isDeleted({ path }: Mapping): boolean {
  return path.endsWith(' (deleted)') || path.startsWith('[anon_shmem:');
}

export function sizeOf({ start, end }: { readonly start: bigint; readonly end: bigint }): number {
  return Number(end - start);
}

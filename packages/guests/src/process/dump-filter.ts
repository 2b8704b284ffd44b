import { type Mapping, isDeleted, isShared } from './mapping.ts';

/**
 * Which kinds of memory are captured; the bits of /proc/PID/coredump_filter by name, core(5).
 *
 * | name | bit | memory |
 * |---|---|---|
 * | `anonymous` | 0 | private anonymous memory, and pages of private file mappings that were written to |
 * | `shared` | 1 | shared memory without a name: MAP_ANONYMOUS, memfd, System V, deleted files |
 * | `private-file` | 2 | private file mappings, whole |
 * | `shared-file` | 3 | shared mappings of named files, whole |
 * | `elf-headers` | 4 | the first page of mapped ELF files |
 * | `hugetlb` | 5 | private huge pages |
 * | `shared-hugetlb` | 6 | shared huge pages |
 */
export const FILTER_NAMES = [
  'anonymous',
  'shared',
  'private-file',
  'shared-file',
  'elf-headers',
  'hugetlb',
  'shared-hugetlb',
] as const;
export type FilterName = (typeof FILTER_NAMES)[number];

/** The kernel's default, 0x33. */
export const FILTER_DEFAULT: readonly FilterName[] = ['anonymous', 'shared', 'elf-headers', 'hugetlb'];

/** @throws RangeError for a name that does not exist. */
export function filterMask(names: readonly FilterName[]): number {
  let mask = 0;
  for (const name of names) {
    const bit = FILTER_NAMES.indexOf(name);
    if (bit < 0) throw new RangeError(`filter must be of ${FILTER_NAMES.join(', ')}; not ${name}`);
    mask |= 1 << bit;
  }
  return mask;
}

/** The names in a mask as in /proc/PID/coredump_filter; bits 7 and 8 (DAX) have none and are left out. */
export function filterNames(mask: number): FilterName[] {
  return FILTER_NAMES.filter((_, bit) => (mask & (1 << bit)) !== 0);
}

/** Which of the names lets this mapping in as a whole; undefined for the kernel's own. */
export function filterNameOf(mapping: Mapping): FilterName | undefined {
  const { kind } = mapping;
  if (kind === 'anonymous' || kind === 'heap' || kind === 'stack') return 'anonymous';
  if (kind === 'private-file') return 'private-file';
  if (kind === 'shared-memory' || kind === 'shared-file')
    return isDeleted(mapping) ? 'shared' : 'shared-file';
  if (kind === 'hugetlb') return isShared(mapping) ? 'shared-hugetlb' : 'hugetlb';
  return undefined;
}

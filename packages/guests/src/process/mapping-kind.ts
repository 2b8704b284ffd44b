import { type MappingKind, VM_FLAGS } from './mapping.ts';
import { type MapsLine, PERM_SHARED } from './maps-line.ts';

/** The kinds of file system that matter; statfs(2). */
export type FileSystem = 'shmem' | 'hugetlbfs' | 'other';

const SPECIAL: Readonly<Record<string, MappingKind>> = {
  '[heap]': 'heap',
  '[stack]': 'stack',
  '[vdso]': 'vdso',
  '[vvar]': 'vvar',
  '[vvar_vclock]': 'vvar',
  '[vsyscall]': 'vsyscall',
};

/** Names of memory that the kernel keeps on its own shmem mount. */
const SHMEM_NAMES = ['/memfd:', '/dev/zero (deleted)', '[anon_shmem:'];

const SHARED_KIND: Readonly<Record<FileSystem, MappingKind>> = {
  shmem: 'shared-memory',
  hugetlbfs: 'hugetlb',
  other: 'shared-file',
};

/** System V shared memory is on that mount too, but its mappings are of a kind that userfaultfd does not take. */
const SYSTEM_V = '/SYSV';

/** Not files and not memory that could be armed: rings shared with the kernel. */
const KERNEL_RINGS = ['anon_inode:', 'socket:', '/[aio]'];

/**
 * @param flags `VM_FLAGS` bits.
 * @param fileSystemOf Asked only when the name does not tell.
 */
export function kindOf(line: MapsLine, flags: number, fileSystemOf: () => FileSystem): MappingKind {
  const { path, perms } = line;
  const special = SPECIAL[path];
  if (special !== undefined) return special;
  if ((flags & VM_FLAGS.ht) !== 0) return 'hugetlb';
  const startsWith = (name: string): boolean => path.startsWith(name);
  if ((flags & (VM_FLAGS.io | VM_FLAGS.pf)) !== 0 || KERNEL_RINGS.some(startsWith)) return 'device';
  if ((perms & PERM_SHARED) === 0) return privateKind(line, fileSystemOf);
  if (startsWith(SYSTEM_V)) return 'shared-file';
  if (SHMEM_NAMES.some(startsWith)) return 'shared-memory';
  return SHARED_KIND[fileSystemOf()];
}

function privateKind({ path, inode }: MapsLine, fileSystemOf: () => FileSystem): MappingKind {
  // A private mapping of /dev/zero is anonymous memory with a name.
  if (path === '/dev/zero') return 'anonymous';
  if (path.startsWith('/')) return fileSystemOf() === 'hugetlbfs' ? 'hugetlb' : 'private-file';
  // Any other name in brackets ([uprobes], [sigpage] …) is the kernel's, except those that the owner gave to anonymous memory.
  if (path.startsWith('[') && !path.startsWith('[anon:') && !path.startsWith('[stack')) return 'device';
  return inode === 0n ? 'anonymous' : 'private-file';
}

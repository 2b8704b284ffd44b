// The kernel's names and bits that JavaScript passes through; native/kernel/abi.h has the same values with the layouts.
// Sources: include/uapi/linux/{userfaultfd,fs}.h of Linux 6.18; ioctl_userfaultfd(2).
import { NamedBits } from './named-bits.ts';

/** The argument of the API handshake. */
export const API_VERSION = 0xaan;

/** What userfaultfd can do; each name is a `UFFD_FEATURE_` of the kernel. The version that brought it is in `FEATURE_KERNEL`. */
export type Feature =
  | 'PAGEFAULT_FLAG_WP'
  | 'EVENT_FORK'
  | 'EVENT_REMAP'
  | 'EVENT_REMOVE'
  | 'MISSING_HUGETLBFS'
  | 'MISSING_SHMEM'
  | 'EVENT_UNMAP'
  | 'SIGBUS'
  | 'THREAD_ID'
  | 'MINOR_HUGETLBFS'
  | 'MINOR_SHMEM'
  | 'EXACT_ADDRESS'
  | 'WP_HUGETLBFS_SHMEM'
  | 'WP_UNPOPULATED'
  | 'POISON'
  | 'WP_ASYNC'
  | 'MOVE';

export const features = new NamedBits<Feature>('userfaultfd feature', {
  PAGEFAULT_FLAG_WP: 1 << 0,
  EVENT_FORK: 1 << 1,
  EVENT_REMAP: 1 << 2,
  EVENT_REMOVE: 1 << 3,
  MISSING_HUGETLBFS: 1 << 4,
  MISSING_SHMEM: 1 << 5,
  EVENT_UNMAP: 1 << 6,
  SIGBUS: 1 << 7,
  THREAD_ID: 1 << 8,
  MINOR_HUGETLBFS: 1 << 9,
  MINOR_SHMEM: 1 << 10,
  EXACT_ADDRESS: 1 << 11,
  WP_HUGETLBFS_SHMEM: 1 << 12,
  WP_UNPOPULATED: 1 << 13,
  POISON: 1 << 14,
  WP_ASYNC: 1 << 15,
  MOVE: 1 << 16,
});

/** The first Linux release with each feature. */
export const FEATURE_KERNEL: Readonly<Record<Feature, string>> = {
  PAGEFAULT_FLAG_WP: '5.7',
  EVENT_FORK: '4.11',
  EVENT_REMAP: '4.11',
  EVENT_REMOVE: '4.11',
  MISSING_HUGETLBFS: '4.11',
  MISSING_SHMEM: '4.11',
  EVENT_UNMAP: '4.11',
  SIGBUS: '4.14',
  THREAD_ID: '4.14',
  MINOR_HUGETLBFS: '5.13',
  MINOR_SHMEM: '5.14',
  EXACT_ADDRESS: '5.18',
  WP_HUGETLBFS_SHMEM: '5.19',
  WP_UNPOPULATED: '6.4',
  POISON: '6.6',
  WP_ASYNC: '6.7',
  MOVE: '6.8',
};

/** Commands; each name is a `UFFDIO_` of the kernel. */
export type Ioctl =
  | 'REGISTER'
  | 'UNREGISTER'
  | 'WAKE'
  | 'COPY'
  | 'ZEROPAGE'
  | 'MOVE'
  | 'WRITEPROTECT'
  | 'CONTINUE'
  | 'POISON'
  | 'API';

export const ioctls = new NamedBits<Ioctl>('userfaultfd ioctl', {
  REGISTER: 1n << 0x00n,
  UNREGISTER: 1n << 0x01n,
  WAKE: 1n << 0x02n,
  COPY: 1n << 0x03n,
  ZEROPAGE: 1n << 0x04n,
  MOVE: 1n << 0x05n,
  WRITEPROTECT: 1n << 0x06n,
  CONTINUE: 1n << 0x07n,
  POISON: 1n << 0x08n,
  API: 1n << 0x3fn,
});

/** Which accesses fault: to pages that are missing, write-protected, or in the page cache but not mapped. */
export type RegisterMode = 'MISSING' | 'WP' | 'MINOR';

export const registerModes = new NamedBits<RegisterMode>('register mode', {
  MISSING: 1 << 0,
  WP: 1 << 1,
  MINOR: 1 << 2,
});

/** What PAGEMAP_SCAN knows of a page; each name is a `PAGE_IS_` of the kernel. GUARD needs Linux 6.15. */
export type PageCategory =
  | 'WPALLOWED'
  | 'WRITTEN'
  | 'FILE'
  | 'PRESENT'
  | 'SWAPPED'
  | 'PFNZERO'
  | 'HUGE'
  | 'SOFT_DIRTY'
  | 'GUARD';

export const pageCategories = new NamedBits<PageCategory>('page category', {
  WPALLOWED: 1 << 0,
  WRITTEN: 1 << 1,
  FILE: 1 << 2,
  PRESENT: 1 << 3,
  SWAPPED: 1 << 4,
  PFNZERO: 1 << 5,
  HUGE: 1 << 6,
  SOFT_DIRTY: 1 << 7,
  GUARD: 1 << 8,
});

import type { Feature } from './abi.ts';
import type { ResolvedRegion } from './capture-region.ts';
import { UffdError } from './errors.ts';
import { madvise } from './memory.ts';
import { Userfaultfd } from './userfaultfd.ts';

/** Without the events a guest that gives memory back would lose pre-images unseen. */
const NEEDED: readonly Feature[] = ['PAGEFAULT_FLAG_WP', 'EVENT_REMAP', 'EVENT_REMOVE', 'EVENT_UNMAP'];

/** What the handshake of another process's userfaultfd has to ask for. */
export const FOREIGN_FEATURES: readonly Feature[] = [...NEEDED, 'WP_HUGETLBFS_SHMEM', 'WP_UNPOPULATED'];

/** Memory of this process, registered with a userfaultfd that is the caller's to close. */
export interface RegisteredMemory {
  readonly uffd: Userfaultfd;
  /** Never-touched pages can be armed as they are (WP_UNPOPULATED, Linux 6.4). */
  readonly holes: boolean;
}

/** @throws UffdError when userfaultfd is not permitted, or another one has the memory. */
export function registerOwn(regions: readonly ResolvedRegion[], userModeOnly: boolean): RegisteredMemory {
  const registered = openFor(regions, userModeOnly);
  try {
    for (const region of regions) {
      registered.uffd.register(region, ['WP']);
      if (!registered.holes) populate(region);
    }
    return registered;
  } catch (error) {
    registered.uffd.close();
    throw error;
  }
}

/** Opens with as much as the kernel has. */
function openFor(regions: readonly ResolvedRegion[], userModeOnly: boolean): RegisteredMemory {
  const special: Feature[] = regions.some((region) => region.isShared || region.isHugetlb)
    ? ['WP_HUGETLBFS_SHMEM']
    : [];
  const needed: Feature[] = [...NEEDED, ...special];
  try {
    return {
      uffd: Userfaultfd.open({ features: [...needed, 'WP_UNPOPULATED'], userModeOnly }),
      holes: true,
    };
  } catch (error) {
    if (!(error instanceof UffdError) || error.code !== 'UFFD_EINVAL') throw error;
    return { uffd: Userfaultfd.open({ features: needed, userModeOnly }), holes: false };
  }
}

/** Without WP_UNPOPULATED arming skips pages that are not there, silently: so they are made to be there. */
function populate(region: ResolvedRegion): void {
  if (!region.isHugetlb) madvise(region, 'POPULATE_READ');
}

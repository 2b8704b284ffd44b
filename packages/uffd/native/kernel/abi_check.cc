// Compares abi.h with the system's own headers, as far as those go: a typing error there would otherwise be a
// silent misuse of memory.
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "kernel/abi.h"

namespace stillframe::abi {

static_assert(kSysUserfaultfd == __NR_userfaultfd);
static_assert(kSysMemfdCreate == __NR_memfd_create);
static_assert(kSysPidfdOpen == __NR_pidfd_open);
#ifdef __NR_pidfd_getfd
static_assert(kSysPidfdGetfd == __NR_pidfd_getfd);
#endif

static_assert(kApi == UFFD_API);
static_assert(kIocApi == UFFDIO_API);
static_assert(kIocRegister == UFFDIO_REGISTER);
static_assert(kIocUnregister == UFFDIO_UNREGISTER);
static_assert(kIocWake == UFFDIO_WAKE);
static_assert(kIocCopy == UFFDIO_COPY);
static_assert(kIocZeropage == UFFDIO_ZEROPAGE);
static_assert(kIocWriteprotect == UFFDIO_WRITEPROTECT);
#ifdef UFFDIO_CONTINUE
static_assert(kIocContinue == UFFDIO_CONTINUE);
static_assert(kContinueModeDontwake == UFFDIO_CONTINUE_MODE_DONTWAKE);
static_assert(sizeof(UffdioContinue) == sizeof(uffdio_continue));
#endif
#ifdef UFFDIO_CONTINUE_MODE_WP
static_assert(kContinueModeWp == UFFDIO_CONTINUE_MODE_WP);
#endif
#ifdef UFFDIO_POISON
static_assert(kIocPoison == UFFDIO_POISON);
static_assert(kPoisonModeDontwake == UFFDIO_POISON_MODE_DONTWAKE);
static_assert(sizeof(UffdioPoison) == sizeof(uffdio_poison));
#endif
#ifdef UFFDIO_MOVE
static_assert(kIocMove == UFFDIO_MOVE);
static_assert(kMoveModeDontwake == UFFDIO_MOVE_MODE_DONTWAKE);
static_assert(kMoveModeAllowSrcHoles == UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES);
static_assert(sizeof(UffdioMove) == sizeof(uffdio_move));
#endif
#ifdef USERFAULTFD_IOC_NEW
static_assert(kDevIocNew == USERFAULTFD_IOC_NEW);
#endif
#ifdef UFFD_USER_MODE_ONLY
static_assert(kUserModeOnly == UFFD_USER_MODE_ONLY);
#endif

static_assert(sizeof(UffdioApi) == sizeof(uffdio_api));
static_assert(sizeof(UffdioRange) == sizeof(uffdio_range));
static_assert(sizeof(UffdioRegister) == sizeof(uffdio_register));
static_assert(sizeof(UffdioCopy) == sizeof(uffdio_copy));
static_assert(sizeof(UffdioZeropage) == sizeof(uffdio_zeropage));
static_assert(sizeof(UffdioWriteprotect) == sizeof(uffdio_writeprotect));
static_assert(sizeof(UffdMsg) == sizeof(uffd_msg));
static_assert(offsetof(UffdMsg, arg.pagefault.flags) == offsetof(uffd_msg, arg.pagefault.flags));
static_assert(offsetof(UffdMsg, arg.pagefault.address) == offsetof(uffd_msg, arg.pagefault.address));
static_assert(offsetof(UffdMsg, arg.pagefault.ptid) == offsetof(uffd_msg, arg.pagefault.feat.ptid));
static_assert(offsetof(UffdMsg, arg.fork.ufd) == offsetof(uffd_msg, arg.fork.ufd));
static_assert(offsetof(UffdMsg, arg.remap.to) == offsetof(uffd_msg, arg.remap.to));
static_assert(offsetof(UffdMsg, arg.remap.len) == offsetof(uffd_msg, arg.remap.len));
static_assert(offsetof(UffdMsg, arg.remove.end) == offsetof(uffd_msg, arg.remove.end));

static_assert(kRegisterModeMissing == UFFDIO_REGISTER_MODE_MISSING);
static_assert(kRegisterModeWp == UFFDIO_REGISTER_MODE_WP);
#ifdef UFFDIO_REGISTER_MODE_MINOR
static_assert(kRegisterModeMinor == UFFDIO_REGISTER_MODE_MINOR);
#endif
static_assert(kCopyModeDontwake == UFFDIO_COPY_MODE_DONTWAKE);
static_assert(kCopyModeWp == UFFDIO_COPY_MODE_WP);
static_assert(kZeropageModeDontwake == UFFDIO_ZEROPAGE_MODE_DONTWAKE);
static_assert(kWriteprotectModeWp == UFFDIO_WRITEPROTECT_MODE_WP);
static_assert(kWriteprotectModeDontwake == UFFDIO_WRITEPROTECT_MODE_DONTWAKE);

static_assert(kEventPagefault == UFFD_EVENT_PAGEFAULT);
static_assert(kEventFork == UFFD_EVENT_FORK);
static_assert(kEventRemap == UFFD_EVENT_REMAP);
static_assert(kEventRemove == UFFD_EVENT_REMOVE);
static_assert(kEventUnmap == UFFD_EVENT_UNMAP);
static_assert(kPagefaultFlagWrite == UFFD_PAGEFAULT_FLAG_WRITE);
static_assert(kPagefaultFlagWp == UFFD_PAGEFAULT_FLAG_WP);
#ifdef UFFD_PAGEFAULT_FLAG_MINOR
static_assert(kPagefaultFlagMinor == UFFD_PAGEFAULT_FLAG_MINOR);
#endif

static_assert(kFeaturePagefaultFlagWp == UFFD_FEATURE_PAGEFAULT_FLAG_WP);
static_assert(kFeatureEventFork == UFFD_FEATURE_EVENT_FORK);
static_assert(kFeatureEventRemap == UFFD_FEATURE_EVENT_REMAP);
static_assert(kFeatureEventRemove == UFFD_FEATURE_EVENT_REMOVE);
static_assert(kFeatureMissingHugetlbfs == UFFD_FEATURE_MISSING_HUGETLBFS);
static_assert(kFeatureMissingShmem == UFFD_FEATURE_MISSING_SHMEM);
static_assert(kFeatureEventUnmap == UFFD_FEATURE_EVENT_UNMAP);
static_assert(kFeatureSigbus == UFFD_FEATURE_SIGBUS);
static_assert(kFeatureThreadId == UFFD_FEATURE_THREAD_ID);
#ifdef UFFD_FEATURE_MINOR_HUGETLBFS
static_assert(kFeatureMinorHugetlbfs == UFFD_FEATURE_MINOR_HUGETLBFS);
#endif
#ifdef UFFD_FEATURE_MINOR_SHMEM
static_assert(kFeatureMinorShmem == UFFD_FEATURE_MINOR_SHMEM);
#endif
#ifdef UFFD_FEATURE_EXACT_ADDRESS
static_assert(kFeatureExactAddress == UFFD_FEATURE_EXACT_ADDRESS);
#endif
#ifdef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
static_assert(kFeatureWpHugetlbfsShmem == UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
#endif
#ifdef UFFD_FEATURE_WP_UNPOPULATED
static_assert(kFeatureWpUnpopulated == UFFD_FEATURE_WP_UNPOPULATED);
#endif
#ifdef UFFD_FEATURE_POISON
static_assert(kFeaturePoison == UFFD_FEATURE_POISON);
#endif
#ifdef UFFD_FEATURE_WP_ASYNC
static_assert(kFeatureWpAsync == UFFD_FEATURE_WP_ASYNC);
#endif
#ifdef UFFD_FEATURE_MOVE
static_assert(kFeatureMove == UFFD_FEATURE_MOVE);
#endif

#ifdef PAGEMAP_SCAN
static_assert(kIocPagemapScan == PAGEMAP_SCAN);
static_assert(kPageIsWpallowed == PAGE_IS_WPALLOWED);
static_assert(kPageIsWritten == PAGE_IS_WRITTEN);
static_assert(kPageIsFile == PAGE_IS_FILE);
static_assert(kPageIsPresent == PAGE_IS_PRESENT);
static_assert(kPageIsSwapped == PAGE_IS_SWAPPED);
static_assert(kPageIsPfnzero == PAGE_IS_PFNZERO);
static_assert(kPageIsHuge == PAGE_IS_HUGE);
static_assert(kScanWpMatching == PM_SCAN_WP_MATCHING);
static_assert(kScanCheckWpasync == PM_SCAN_CHECK_WPASYNC);
static_assert(sizeof(PageRegion) == sizeof(page_region));
static_assert(sizeof(PmScanArg) == sizeof(pm_scan_arg));
static_assert(offsetof(PmScanArg, return_mask) == offsetof(pm_scan_arg, return_mask));
#endif
#ifdef PROCMAP_QUERY
static_assert(kIocProcmapQuery == PROCMAP_QUERY);
static_assert(sizeof(ProcmapQuery) == sizeof(procmap_query));
static_assert(offsetof(ProcmapQuery, inode) == offsetof(procmap_query, inode));
static_assert(kProcmapShared == PROCMAP_QUERY_VMA_SHARED);
static_assert(kProcmapCoveringOrNext == PROCMAP_QUERY_COVERING_OR_NEXT_VMA);
#endif
#ifdef PAGE_IS_SOFT_DIRTY
static_assert(kPageIsSoftDirty == PAGE_IS_SOFT_DIRTY);
#endif
#ifdef PAGE_IS_GUARD
static_assert(kPageIsGuard == PAGE_IS_GUARD);
#endif

}  // namespace stillframe::abi

// The kernel's userfaultfd and PAGEMAP_SCAN interface as of Linux 6.18, in our own names, so that a build
// does not depend on how old the machine's headers are (Debian 12 has those of 6.1, without WP_UNPOPULATED,
// POISON, WP_ASYNC, MOVE and PAGEMAP_SCAN). Sources: include/uapi/linux/userfaultfd.h,
// include/uapi/linux/fs.h, ioctl_userfaultfd(2), Documentation/admin-guide/mm/pagemap.rst. Holds for x86_64
// and aarch64, which share the generic ioctl encoding. abi_check.cc compares it with the system's own header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stillframe::abi {

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "stillframe knows the kernel ABI of x86_64 and aarch64 only"
#endif
#if !defined(__linux__)
#error "userfaultfd exists on Linux only"
#endif

namespace ioctl_encoding {
// asm-generic/ioctl.h: 2 bits direction, 14 bits argument size, 8 bits type, 8 bits number.
inline constexpr uint32_t kWrite = 1;  // userspace writes, the kernel reads
inline constexpr uint32_t kRead = 2;
template <typename Argument>
constexpr unsigned long Encode(uint32_t direction, uint32_t type, uint32_t number) {
  static_assert(sizeof(Argument) < (1U << 14));
  return (direction << 30) | (static_cast<uint32_t>(sizeof(Argument)) << 16) | (type << 8) | number;
}
}  // namespace ioctl_encoding

// ---- system calls
// -------------------------------------------------------------------------------------------------------------------

#if defined(__x86_64__)
inline constexpr long kSysUserfaultfd = 323;
inline constexpr long kSysMemfdCreate = 319;
#else
inline constexpr long kSysUserfaultfd = 282;
inline constexpr long kSysMemfdCreate = 279;
#endif
inline constexpr long kSysPidfdOpen = 434;
inline constexpr long kSysPidfdGetfd = 438;

/// userfaultfd(2) flag: faults raised by the kernel on behalf of a thread fail instead of being reported
/// (5.11).
inline constexpr int kUserModeOnly = 1;

/// /dev/userfaultfd (6.1): ioctl whose argument is the flags of userfaultfd(2) and whose result is the new
/// fd.
inline constexpr unsigned long kDevIocNew = 0xAA00;

// ---- UFFDIO_API
// ---------------------------------------------------------------------------------------------------------------------

inline constexpr uint64_t kApi = 0xAA;

// Feature bits; the kernel version that brought each one.
inline constexpr uint64_t kFeaturePagefaultFlagWp = 1ULL << 0;    // 5.7
inline constexpr uint64_t kFeatureEventFork = 1ULL << 1;          // 4.11, needs CAP_SYS_PTRACE
inline constexpr uint64_t kFeatureEventRemap = 1ULL << 2;         // 4.11
inline constexpr uint64_t kFeatureEventRemove = 1ULL << 3;        // 4.11
inline constexpr uint64_t kFeatureMissingHugetlbfs = 1ULL << 4;   // 4.11
inline constexpr uint64_t kFeatureMissingShmem = 1ULL << 5;       // 4.11
inline constexpr uint64_t kFeatureEventUnmap = 1ULL << 6;         // 4.11
inline constexpr uint64_t kFeatureSigbus = 1ULL << 7;             // 4.14
inline constexpr uint64_t kFeatureThreadId = 1ULL << 8;           // 4.14
inline constexpr uint64_t kFeatureMinorHugetlbfs = 1ULL << 9;     // 5.13
inline constexpr uint64_t kFeatureMinorShmem = 1ULL << 10;        // 5.14
inline constexpr uint64_t kFeatureExactAddress = 1ULL << 11;      // 5.18
inline constexpr uint64_t kFeatureWpHugetlbfsShmem = 1ULL << 12;  // 5.19
inline constexpr uint64_t kFeatureWpUnpopulated = 1ULL << 13;     // 6.4
inline constexpr uint64_t kFeaturePoison = 1ULL << 14;            // 6.6
inline constexpr uint64_t kFeatureWpAsync = 1ULL << 15;           // 6.7
inline constexpr uint64_t kFeatureMove = 1ULL << 16;              // 6.8

// Command numbers; bit `1 << number` of UffdioApi::ioctls and UffdioRegister::ioctls says that a command is
// available.
inline constexpr uint32_t kNrRegister = 0x00;
inline constexpr uint32_t kNrUnregister = 0x01;
inline constexpr uint32_t kNrWake = 0x02;
inline constexpr uint32_t kNrCopy = 0x03;
inline constexpr uint32_t kNrZeropage = 0x04;
inline constexpr uint32_t kNrMove = 0x05;
inline constexpr uint32_t kNrWriteprotect = 0x06;
inline constexpr uint32_t kNrContinue = 0x07;
inline constexpr uint32_t kNrPoison = 0x08;
inline constexpr uint32_t kNrApi = 0x3F;

struct UffdioApi {
  uint64_t api;       // in: kApi
  uint64_t features;  // in: wanted; out: all the kernel has
  uint64_t ioctls;    // out
};
static_assert(sizeof(UffdioApi) == 24);

struct UffdioRange {
  uint64_t start;
  uint64_t len;
};
static_assert(sizeof(UffdioRange) == 16);

inline constexpr uint64_t kRegisterModeMissing = 1ULL << 0;
inline constexpr uint64_t kRegisterModeWp = 1ULL << 1;
inline constexpr uint64_t kRegisterModeMinor = 1ULL << 2;

struct UffdioRegister {
  UffdioRange range;
  uint64_t mode;
  uint64_t ioctls;  // out: the commands this range accepts
};
static_assert(sizeof(UffdioRegister) == 32);

inline constexpr uint64_t kCopyModeDontwake = 1ULL << 0;
inline constexpr uint64_t kCopyModeWp = 1ULL << 1;

struct UffdioCopy {
  uint64_t dst;
  uint64_t src;
  uint64_t len;
  uint64_t mode;
  int64_t copy;  // out: bytes copied, or a negative errno
};
static_assert(sizeof(UffdioCopy) == 40);

inline constexpr uint64_t kZeropageModeDontwake = 1ULL << 0;

struct UffdioZeropage {
  UffdioRange range;
  uint64_t mode;
  int64_t zeropage;  // out: bytes mapped, or a negative errno
};
static_assert(sizeof(UffdioZeropage) == 32);

inline constexpr uint64_t kWriteprotectModeWp = 1ULL << 0;
inline constexpr uint64_t kWriteprotectModeDontwake = 1ULL << 1;  // refused together with kWriteprotectModeWp

struct UffdioWriteprotect {
  UffdioRange range;
  uint64_t mode;
};
static_assert(sizeof(UffdioWriteprotect) == 24);

inline constexpr uint64_t kContinueModeDontwake = 1ULL << 0;
inline constexpr uint64_t kContinueModeWp = 1ULL << 1;  // 6.4

struct UffdioContinue {
  UffdioRange range;
  uint64_t mode;
  int64_t mapped;  // out: bytes mapped, or a negative errno
};
static_assert(sizeof(UffdioContinue) == 32);

inline constexpr uint64_t kPoisonModeDontwake = 1ULL << 0;

struct UffdioPoison {
  UffdioRange range;
  uint64_t mode;
  int64_t updated;  // out: bytes poisoned, or a negative errno
};
static_assert(sizeof(UffdioPoison) == 32);

inline constexpr uint64_t kMoveModeDontwake = 1ULL << 0;
inline constexpr uint64_t kMoveModeAllowSrcHoles = 1ULL << 1;

struct UffdioMove {
  uint64_t dst;
  uint64_t src;
  uint64_t len;
  uint64_t mode;
  int64_t move;  // out: bytes moved, or a negative errno
};
static_assert(sizeof(UffdioMove) == 40);

namespace ioctl_encoding {
inline constexpr uint32_t kUffdType = 0xAA;
template <typename Argument>
constexpr unsigned long Uffd(uint32_t number) {
  return Encode<Argument>(kRead | kWrite, kUffdType, number);
}
}  // namespace ioctl_encoding

inline constexpr unsigned long kIocApi = ioctl_encoding::Uffd<UffdioApi>(kNrApi);
inline constexpr unsigned long kIocRegister = ioctl_encoding::Uffd<UffdioRegister>(kNrRegister);
// UNREGISTER and WAKE are encoded as reads although the kernel reads their argument: an old slip that is now
// the ABI.
inline constexpr unsigned long kIocUnregister =
    ioctl_encoding::Encode<UffdioRange>(ioctl_encoding::kRead, ioctl_encoding::kUffdType, kNrUnregister);
inline constexpr unsigned long kIocWake =
    ioctl_encoding::Encode<UffdioRange>(ioctl_encoding::kRead, ioctl_encoding::kUffdType, kNrWake);
inline constexpr unsigned long kIocCopy = ioctl_encoding::Uffd<UffdioCopy>(kNrCopy);
inline constexpr unsigned long kIocZeropage = ioctl_encoding::Uffd<UffdioZeropage>(kNrZeropage);
inline constexpr unsigned long kIocMove = ioctl_encoding::Uffd<UffdioMove>(kNrMove);
inline constexpr unsigned long kIocWriteprotect = ioctl_encoding::Uffd<UffdioWriteprotect>(kNrWriteprotect);
inline constexpr unsigned long kIocContinue = ioctl_encoding::Uffd<UffdioContinue>(kNrContinue);
inline constexpr unsigned long kIocPoison = ioctl_encoding::Uffd<UffdioPoison>(kNrPoison);

static_assert(kIocApi == 0xC018AA3F);
static_assert(kIocRegister == 0xC020AA00);
static_assert(kIocUnregister == 0x8010AA01);
static_assert(kIocWake == 0x8010AA02);
static_assert(kIocCopy == 0xC028AA03);
static_assert(kIocZeropage == 0xC020AA04);
static_assert(kIocMove == 0xC028AA05);
static_assert(kIocWriteprotect == 0xC018AA06);
static_assert(kIocContinue == 0xC020AA07);
static_assert(kIocPoison == 0xC020AA08);

// ---- events
// -------------------------------------------------------------------------------------------------------------------------

inline constexpr uint8_t kEventPagefault = 0x12;
inline constexpr uint8_t kEventFork = 0x13;
inline constexpr uint8_t kEventRemap = 0x14;
inline constexpr uint8_t kEventRemove = 0x15;
inline constexpr uint8_t kEventUnmap = 0x16;

inline constexpr uint64_t kPagefaultFlagWrite = 1ULL << 0;
inline constexpr uint64_t kPagefaultFlagWp = 1ULL << 1;
inline constexpr uint64_t kPagefaultFlagMinor = 1ULL << 2;

/// What read(2) on a userfaultfd returns, one or many at a time.
struct UffdMsg {
  uint8_t event;
  uint8_t reserved1;
  uint16_t reserved2;
  uint32_t reserved3;
  union {
    struct {
      uint64_t flags;
      uint64_t address;  // page start, or the exact address with kFeatureExactAddress
      uint32_t ptid;     // thread id with kFeatureThreadId, otherwise 0
    } pagefault;
    struct {
      uint32_t ufd;
    } fork;
    struct {
      uint64_t from;
      uint64_t to;
      uint64_t len;
    } remap;
    struct {
      uint64_t start;
      uint64_t end;
    } remove;  // also kEventUnmap
  } arg;
};
static_assert(sizeof(UffdMsg) == 32);
static_assert(offsetof(UffdMsg, arg) == 8);
static_assert(offsetof(UffdMsg, arg.pagefault.address) == 16);
static_assert(offsetof(UffdMsg, arg.pagefault.ptid) == 24);
static_assert(offsetof(UffdMsg, arg.remap.len) == 24);

// ---- PAGEMAP_SCAN on /proc/PID/pagemap (6.7)
// ------------------------------------------------------------------------------------------

inline constexpr uint64_t kPageIsWpallowed = 1ULL << 0;
inline constexpr uint64_t kPageIsWritten = 1ULL << 1;
inline constexpr uint64_t kPageIsFile = 1ULL << 2;
inline constexpr uint64_t kPageIsPresent = 1ULL << 3;
inline constexpr uint64_t kPageIsSwapped = 1ULL << 4;
inline constexpr uint64_t kPageIsPfnzero = 1ULL << 5;
inline constexpr uint64_t kPageIsHuge = 1ULL << 6;
inline constexpr uint64_t kPageIsSoftDirty = 1ULL << 7;
inline constexpr uint64_t kPageIsGuard = 1ULL << 8;  // 6.15

inline constexpr uint64_t kScanWpMatching = 1ULL << 0;
inline constexpr uint64_t kScanCheckWpasync = 1ULL << 1;

struct PageRegion {
  uint64_t start;
  uint64_t end;
  uint64_t categories;
};
static_assert(sizeof(PageRegion) == 24);

struct PmScanArg {
  uint64_t size;  // sizeof(PmScanArg)
  uint64_t flags;
  uint64_t start;
  uint64_t end;
  uint64_t walk_end;  // out: where the walk stopped
  uint64_t vec;       // PageRegion *
  uint64_t vec_len;   // in regions
  uint64_t max_pages;
  uint64_t category_inverted;
  uint64_t category_mask;
  uint64_t category_anyof_mask;
  uint64_t return_mask;
};
static_assert(sizeof(PmScanArg) == 96);

inline constexpr unsigned long kIocPagemapScan =
    ioctl_encoding::Encode<PmScanArg>(ioctl_encoding::kRead | ioctl_encoding::kWrite, 'f', 16);
static_assert(kIocPagemapScan == 0xC0606610);

// PROCMAP_QUERY (Linux 6.11): one mapping of a process, asked of its open /proc/PID/maps.
inline constexpr uint64_t kProcmapShared = 0x08;
inline constexpr uint64_t kProcmapCoveringOrNext = 0x10;

struct ProcmapQuery {
  uint64_t size;  // sizeof(ProcmapQuery)
  uint64_t query_flags;
  uint64_t query_addr;
  uint64_t vma_start;
  uint64_t vma_end;
  uint64_t vma_flags;
  uint64_t vma_page_size;
  uint64_t vma_offset;
  uint64_t inode;
  uint32_t dev_major;
  uint32_t dev_minor;
  uint32_t vma_name_size;  // 0: no name wanted
  uint32_t build_id_size;  // 0: no build id wanted
  uint64_t vma_name_addr;
  uint64_t build_id_addr;
};
static_assert(sizeof(ProcmapQuery) == 104);

inline constexpr unsigned long kIocProcmapQuery =
    ioctl_encoding::Encode<ProcmapQuery>(ioctl_encoding::kRead | ioctl_encoding::kWrite, 'f', 17);
static_assert(kIocProcmapQuery == 0xC0686611);

}  // namespace stillframe::abi

// PAGEMAP_SCAN on an open /proc/PID/pagemap (Linux 6.7): which pages are written, present, huge …, and atomic
// re-protection of those. Semantics: Documentation/admin-guide/mm/pagemap.rst. And PROCMAP_QUERY on an open
// /proc/PID/maps (Linux 6.11).
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "kernel/abi.h"
#include "kernel/result.h"

namespace stillframe {

/// Of one entry of /proc/PID/pagemap: protected by a userfaultfd (Linux 5.13), also where there is no page.
inline constexpr uint64_t kEntryIsProtected = uint64_t{1} << 57;

/// Entries of `count` small pages from an address on; the value is the number of bytes read.
inline SysResult PagemapRead(int pagemap_fd, uint64_t address, uint64_t* entries, size_t count) {
  constexpr uint64_t kSmallPageBytes = 4096;
  return FromReturn(::pread(pagemap_fd, entries, count * sizeof *entries,
                            static_cast<off_t>(address / kSmallPageBytes * sizeof *entries)));
}

/// The value is the number of regions written to `arg->vec`; `arg->walk_end` says how far the walk came, also
/// on failure.
inline SysResult PagemapScan(int pagemap_fd, abi::PmScanArg* arg) {
  arg->size = sizeof(*arg);
  return FromReturn(::ioctl(pagemap_fd, abi::kIocPagemapScan, arg));
}

/// The mapping that covers `query->query_addr`, or the next one. ENOENT: there is none; ENOTTY: the kernel is
/// too old. Semantics: Documentation/filesystems/proc.rst.
inline SysResult ProcmapQuery(int maps_fd, abi::ProcmapQuery* query) {
  query->size = sizeof(*query);
  query->query_flags = abi::kProcmapCoveringOrNext;
  return FromReturn(::ioctl(maps_fd, abi::kIocProcmapQuery, query));
}

}  // namespace stillframe

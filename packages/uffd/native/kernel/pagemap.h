// PAGEMAP_SCAN on an open /proc/PID/pagemap (Linux 6.7): which pages are written, present, huge …, and atomic
// re-protection of those. Semantics: Documentation/admin-guide/mm/pagemap.rst.
#pragma once

#include <sys/ioctl.h>

#include "kernel/abi.h"
#include "kernel/result.h"

namespace stillframe {

/// The value is the number of regions written to `arg->vec`; `arg->walk_end` says how far the walk came, also
/// on failure.
inline SysResult PagemapScan(int pagemap_fd, abi::PmScanArg* arg) {
  arg->size = sizeof(*arg);
  return FromReturn(::ioctl(pagemap_fd, abi::kIocPagemapScan, arg));
}

}  // namespace stillframe

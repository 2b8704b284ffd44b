// Reaching another process: its memory and its descriptors. One system call per function, no policy.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstddef>

#include "kernel/abi.h"
#include "kernel/result.h"

namespace stillframe {

/// The value is the bytes read: less than asked for when a later range is not readable. At most IOV_MAX
/// (1024) ranges.
inline SysResult ProcessVmReadv(pid_t pid, iovec into, const iovec* ranges, size_t range_count) {
  return FromReturn(::process_vm_readv(pid, &into, 1, ranges, range_count, 0));
}

/// The value is the new descriptor, always close-on-exec.
inline SysResult PidfdOpen(pid_t pid, unsigned flags) {
  return FromReturn(::syscall(abi::kSysPidfdOpen, pid, flags));
}

/// The value is our own duplicate of the process's descriptor, always close-on-exec.
inline SysResult PidfdGetfd(int pidfd, int target_fd) {
  return FromReturn(::syscall(abi::kSysPidfdGetfd, pidfd, target_fd, 0U));
}

}  // namespace stillframe

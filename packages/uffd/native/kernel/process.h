// Reaching another process: its memory and its descriptors. One system call per function, no policy.
#pragma once

#include <sys/syscall.h>
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

/// Whether two processes have the same memory: the value is 0 when they do, 1 to 3 when not. KCMP_VM of
/// <linux/kcmp.h>. Needs the right to trace both.
inline SysResult KcmpVm(pid_t pid, pid_t other_pid) {
  constexpr int kKcmpVm = 1;
  return FromReturn(::syscall(SYS_kcmp, pid, other_pid, kKcmpVm, 0UL, 0UL));
}

/// The value is the address, in that process, of the head of a thread's list of robust futexes, 0 for none:
/// get_robust_list(2). Needs the right to trace it.
inline SysResult RobustList(pid_t tid) {
  void* head = nullptr;
  size_t size = 0;
  SysResult result = FromReturn(::syscall(SYS_get_robust_list, tid, &head, &size));
  result.value = reinterpret_cast<int64_t>(head);
  return result;
}

/// lseek(2) with SEEK_DATA or SEEK_HOLE: the next byte that is, or is not, in a hole. ENXIO: there is none.
inline SysResult SeekHole(int fd, off_t offset, bool data) {
  return FromReturn(::lseek(fd, offset, data ? SEEK_DATA : SEEK_HOLE));
}

}  // namespace stillframe

// What /proc says about the target, where ptrace does not say it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "kernel/result.h"

namespace stillframe::trace {

/// Appends the threads of `pid`. A thread that ends meanwhile may cut the list short: a list proves that
/// nobody is missing only while every thread that it names stands still.
SysResult ListThreads(pid_t pid, std::vector<pid_t>* tids);

/// Whether `tid` is a thread of `pid`, and not a process of its own.
bool IsThreadOf(pid_t pid, pid_t tid);

struct ThreadStatus {
  char state = '?';  // 'Z' and 'X': ended
  pid_t tracer = 0;
  int seccomp = 0;  // 0 none, 1 strict, 2 filtered
};
/// /proc/TID/status. The error is ENOENT or ESRCH when there is no such thread.
SysResult ReadThreadStatus(pid_t tid, ThreadStatus* status);

/// Where the kernel's own code is mapped (AT_SYSINFO_EHDR); 0 when it is not known.
uintptr_t VdsoAddress(pid_t tid);

struct MappedRange {
  uintptr_t start = 0;
  uintptr_t end = 0;
  bool is_code = false;  // readable and executable
};
/// All mappings. Slow for a process with many.
SysResult ListMappings(pid_t tid, std::vector<MappedRange>* ranges);

}  // namespace stillframe::trace

// ptrace(2) as the kernel has it: no special case for PEEK, errors in the result. One system call per
// function.
#pragma once

#include <linux/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

#include "kernel/result.h"

namespace stillframe::trace {

/// The kernel's sigset_t: bit n-1 is signal n. Not glibc's, which has 1024 bits.
using SignalSet = uint64_t;

constexpr SignalSet SignalBit(int signal) { return SignalSet{1} << (signal - 1); }

inline SysResult Ptrace(long request, pid_t tid, uintptr_t address = 0, uintptr_t data = 0) {
  return FromReturn(::syscall(SYS_ptrace, request, tid, address, data));
}

template <typename Data>
SysResult Ptrace(long request, pid_t tid, uintptr_t address, Data* data) {
  return Ptrace(request, tid, address, reinterpret_cast<uintptr_t>(data));
}

/// The mask that holds outside a sigsuspend or ppoll: inside one, the kernel answers with the saved mask.
inline SysResult GetSignalMask(pid_t tid, SignalSet* mask) {
  return Ptrace(PTRACE_GETSIGMASK, tid, sizeof(*mask), mask);
}

/// Inside a sigsuspend or ppoll this ends the temporary mask; the call sets it again when it restarts.
inline SysResult SetSignalMask(pid_t tid, SignalSet mask) {
  return Ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
}

/// `set->iov_len` becomes the bytes that there are.
inline SysResult GetRegset(pid_t tid, int type, iovec* set) {
  return Ptrace(PTRACE_GETREGSET, tid, static_cast<uintptr_t>(type), set);
}

inline SysResult SetRegset(pid_t tid, int type, iovec* set) {
  return Ptrace(PTRACE_SETREGSET, tid, static_cast<uintptr_t>(type), set);
}

}  // namespace stillframe::trace

// PTRACE_SEIZE that does not wait for ever.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "kernel/result.h"

namespace stillframe::trace {

/// Attaching waits while the process executes a program; that waits for the end of its other threads; and for
/// that of the attached ones until we take notice. So the waiting is cut short: EINTR means to take notice,
/// and to try again. The thread may be attached nevertheless.
class SeizeCall {
 public:
  /// While one exists, a timer interrupts calls again and again. One at a time; uses SIGALRM.
  SeizeCall();
  ~SeizeCall();
  SeizeCall(const SeizeCall&) = delete;
  SeizeCall& operator=(const SeizeCall&) = delete;

  SysResult operator()(pid_t tid, uintptr_t options);
};

}  // namespace stillframe::trace

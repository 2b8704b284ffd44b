// System calls made by a thread of the target, which afterwards is as it was.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <utility>

#include "trace/arch.h"
#include "trace/outcome.h"
#include "trace/ptrace_call.h"
#include "trace/threads.h"

namespace stillframe::trace {

/// Ordering. Begin saves; each Call runs one system call while every other thread stands; End puts the
/// registers back *before* it brings the thread to the place where it stood at first. So what the kernel does
/// on its way out, at the detach, it does to the original registers: an interrupted call restarts, also one
/// with a time-out, whose state the kernel keeps elsewhere and our calls do not touch.
///
/// Signals. Blocked meanwhile, so they wait. Not the ones that a fault raises: the kernel would reset their
/// handlers if they were blocked. SIGSTOP cannot be blocked; it is passed on, and the thread works on
/// although its process is stopped. A signal that the thread was about to take is put back into its queue, at
/// the end: a second one of the same real-time number overtakes it.
///
/// Not handled. If the tracer is killed between Begin and End, the thread goes on with wrong registers.
class Injection {
 public:
  /// `limit_ns`: for each wait. The thread stands.
  Injection(Threads& threads, TracedThread& thread, int64_t limit_ns)
      : threads_(threads), thread_(thread), limit_ns_(limit_ns) {}
  Injection(const Injection&) = delete;
  Injection& operator=(const Injection&) = delete;
  ~Injection() { End(); }

  Outcome Begin(uintptr_t instruction);

  /// `*result` is the call's value, or its errno negated.
  Outcome Call(int64_t* result, long number, std::initializer_list<uint64_t> arguments);

  /// Idempotent.
  Outcome End();

  pid_t tid() const { return thread_.tid; }

 private:
  enum class Goal { kSyscallStop, kRest };
  enum class Arrival { kStopped, kGone, kLate };
  Outcome Run(long request, Goal goal);
  Outcome Requeue();
  Arrival WaitForStop(int* status);
  bool Resume(long request, int signal) const;
  bool IsFault(int signal) const;
  Outcome Lost();

  Threads& threads_;
  TracedThread& thread_;
  int64_t limit_ns_;
  arch::GeneralRegisters saved_{};
  SignalSet saved_mask_ = 0;
  SignalSet mask_ = 0;
  uintptr_t instruction_ = 0;
  bool begun_ = false;
  bool moved_ = false;  // it is no longer where Begin found it
};

}  // namespace stillframe::trace

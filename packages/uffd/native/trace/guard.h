// Frees the target when the process that answers its faults stands still.
//
// A process that is killed gives its userfaultfd up, and the target runs on. One that is merely stopped
// (Ctrl-Z, SIGSTOP, a debugger) keeps it, and every write of the target to a page that is not captured waits
// for it. So the tracer holds a duplicate of the userfaultfd, looks now and then whether the one who started
// it is stopped, and if that lasts unregisters all memory of the target. The capture fails then, when it goes
// on; the target does not.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "kernel/unique_fd.h"

namespace stillframe::trace {

class Guard {
 public:
  /// `server` answers the faults of `target`.
  Guard(pid_t target, pid_t server) : target_(target), server_(server) {}

  /// From now on. `bound_ms`: how long the server may be stopped.
  void Watch(UniqueFd uffd, int bound_ms);
  /// No more; gives the duplicate up.
  void Drop();

  /// How long until it must look again; -1: it need not.
  int WaitLimitMs() const;
  void Look();

 private:
  bool ServerIsStopped() const;
  void FreeTarget() const;

  pid_t target_;
  pid_t server_;
  UniqueFd uffd_;
  int bound_ms_ = 0;
  int64_t stopped_since_ns_ = 0;  // 0: it runs
};

}  // namespace stillframe::trace

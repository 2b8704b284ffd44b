// Waiting for news of the threads we trace, with a bound.
#pragma once

#include <cstdint>

#include "kernel/unique_fd.h"

namespace stillframe::trace {

/// SIGCHLD as a descriptor. It says only that waitpid may have something: ask waitpid first, then wait here.
class ChildSignal {
 public:
  /// Blocks SIGCHLD, which must not be ignored: an ignored one is never raised.
  ChildSignal();

  int fd() const { return fd_.get(); }

  /// Sleeps until there is news or CLOCK_MONOTONIC `until_ns`. Returns whether there was news.
  bool Wait(int64_t until_ns) const;

  /// Forgets news that came before.
  void Drain() const;

 private:
  UniqueFd fd_;
};

}  // namespace stillframe::trace

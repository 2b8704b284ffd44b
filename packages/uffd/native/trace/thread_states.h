// What is to be known of every thread: registers, signals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel/unique_fd.h"
#include "trace/outcome.h"
#include "trace/threads.h"

namespace stillframe::trace {

struct ThreadStates {
  UniqueFd memfd;
  uint32_t thread_count = 0;
  uint32_t size_bytes = 0;
  uint64_t shared_pending = 0;
};

/// Writes one ThreadRecord for each standing thread. A thread that was killed meanwhile is left out.
Outcome ReadThreadStates(Threads& threads, ThreadStates* states);

}  // namespace stillframe::trace

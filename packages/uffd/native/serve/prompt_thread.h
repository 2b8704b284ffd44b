// A thread that somebody's memory access waits for: it runs as soon as it can, and seldom.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

namespace stillframe {

/// Real-time where that is permitted, else as much nicer as is. The kernel bounds the share of all real-time
/// threads (sched_rt_runtime_us), and children do not inherit it.
inline void BePrompt() {
  const sched_param lowest{.sched_priority = 1};
  if (pthread_setschedparam(pthread_self(), SCHED_RR | SCHED_RESET_ON_FORK, &lowest) != 0) {
    constexpr int kNicest = -20;
    setpriority(PRIO_PROCESS, 0, kNicest);
  }
}

}  // namespace stillframe

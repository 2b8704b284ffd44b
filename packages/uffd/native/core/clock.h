// CLOCK_MONOTONIC in nanoseconds: the one clock of the engine, the same that process.hrtime reads.
#pragma once

#include <time.h>

#include <cstdint>

namespace stillframe {

inline int64_t MonotonicNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace stillframe

// A short wait for the owner of served memory: it has raised an event, which was read, and has not gone on
// yet.
#pragma once

#include <time.h>

namespace stillframe {

inline void PauseForOwner() {
  constexpr long kPauseNs = 20'000;
  const timespec time{.tv_sec = 0, .tv_nsec = kPauseNs};
  nanosleep(&time, nullptr);
}

}  // namespace stillframe

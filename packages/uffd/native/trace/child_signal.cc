#include "trace/child_signal.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "core/clock.h"

namespace stillframe::trace {

ChildSignal::ChildSignal() {
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  fd_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

bool ChildSignal::Wait(int64_t until_ns) const {
  const int64_t left_ns = until_ns - MonotonicNs();
  const timespec left{left_ns > 0 ? left_ns / 1'000'000'000 : 0, left_ns > 0 ? left_ns % 1'000'000'000 : 0};
  pollfd news{fd_.get(), POLLIN, 0};
  if (::ppoll(&news, 1, &left, nullptr) <= 0) return false;
  Drain();
  return true;
}

void ChildSignal::Drain() const {
  signalfd_siginfo one{};
  while (::read(fd_.get(), &one, sizeof(one)) > 0) {
  }
}

}  // namespace stillframe::trace

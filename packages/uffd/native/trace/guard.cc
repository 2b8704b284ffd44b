#include "trace/guard.h"

#include <algorithm>
#include <vector>

#include "core/clock.h"
#include "kernel/userfault.h"
#include "trace/proc_files.h"

namespace stillframe::trace {

namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// So that the bound is kept to a quarter.
constexpr int kLooksPerBound = 4;

}  // namespace

void Guard::Watch(UniqueFd uffd, int bound_ms) {
  uffd_ = std::move(uffd);
  bound_ms_ = bound_ms;
  stopped_since_ns_ = 0;
}

void Guard::Drop() { uffd_.Close(); }

int Guard::WaitLimitMs() const { return uffd_ ? std::max(1, bound_ms_ / kLooksPerBound) : -1; }

void Guard::Look() {
  if (!uffd_) return;
  const int64_t now_ns = MonotonicNs();
  if (!ServerIsStopped()) {
    stopped_since_ns_ = 0;
  } else if (stopped_since_ns_ == 0) {
    stopped_since_ns_ = now_ns;
  } else if (now_ns - stopped_since_ns_ >= bound_ms_ * kNsPerMs) {
    FreeTarget();
    Drop();
  }
}

bool Guard::ServerIsStopped() const {
  ThreadStatus status;
  // 't': by a debugger.
  return ReadThreadStatus(server_, &status).ok() && (status.state == 'T' || status.state == 't');
}

/// What is not registered answers with an error, which is fine.
void Guard::FreeTarget() const {
  std::vector<MappedRange> mappings;
  static_cast<void>(ListMappings(target_, &mappings));
  for (const MappedRange& mapping : mappings) {
    UffdUnregister(uffd_.get(), mapping.start, mapping.end - mapping.start);
    UffdWake(uffd_.get(), mapping.start, mapping.end - mapping.start);
  }
}

}  // namespace stillframe::trace

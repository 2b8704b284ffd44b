// The time between opening a capture and its cut, when memory is already protected but a write loses nothing.
//
// Protecting memory costs time with every page of it. Most of that is spent ahead, while the guest runs: a
// write that comes meanwhile is let through at once, nothing is copied, and the range is noted. The cut then,
// with the guest at rest, protects only what was noted and what is new.
//
// Concurrency: before the cut the fault thread holds the gate while it handles a batch of events, and whoever
// makes the cut holds it while protecting; so no page is let through unnoticed. After the cut nobody takes it
// any more (I-1). Not handled: the gate is no fair lock, which two threads do not need.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/address_ranges.h"
#include "core/clock.h"
#include "core/slab_lists.h"

namespace stillframe {

class BeforeCut {
 public:
  void Lock() {
    while (busy_.exchange(true, std::memory_order_acquire)) {
      sched_yield();
    }
  }
  void Unlock() { busy_.store(false, std::memory_order_release); }

  /// Notes that writes to [start, end) are let through. Holding the gate. Does not allocate.
  void Note(uint64_t start, uint64_t end) {
    if (count_ > 0 && noted_[count_ - 1].end == start) {
      noted_[count_ - 1].end = end;
    } else if (count_ < kNotedMax) {
      noted_[count_++] = {.start = start, .end = end};
    } else {
      overflowed_ = true;
    }
  }

  bool AnyNoted() const { return count_ > 0 || overflowed_; }

  /// What was noted since the last call. Holding the gate. `everything`: there was too much to note.
  AddressRanges TakeNoted(bool* everything) {
    *everything = overflowed_;
    AddressRanges taken(noted_.At(0), noted_.At(count_));
    count_ = 0;
    overflowed_ = false;
    return Joined(std::move(taken), kJoinGapBytes);
  }

  /// Everything before it happens before what follows IsOver in another thread. Holding the gate.
  void End() {
    over_since_ns_ = MonotonicNs();
    over_.store(true, std::memory_order_release);
  }
  /// Once it is over.
  int64_t OverSinceNs() const { return over_since_ns_; }
  bool IsOver() const { return over_.load(std::memory_order_acquire); }

 private:
  // More writes than this between protecting and the cut, and protecting everything again is cheaper.
  static constexpr size_t kNotedMax = size_t{1} << 16;
  // Protecting a page that is protected costs less than another system call.
  static constexpr uint64_t kJoinGapBytes = uint64_t{64} << 10;

  std::atomic<bool> busy_{false};
  std::atomic<bool> over_{false};
  int64_t over_since_ns_ = 0;
  bool overflowed_ = false;
  size_t count_ = 0;
  LazyArray<AddressRange> noted_{kNotedMax};
};

}  // namespace stillframe

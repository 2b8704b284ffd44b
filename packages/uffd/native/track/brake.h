// How long a writer is kept waiting at its own fault, so that a guest that writes faster than can be sent is
// slowed in proportion to what it writes.
//
// A writer is held at most once a page between two collections, so who writes to few pages is hardly touched.
// The cap: the time in which anybody is held is a share of all time, at most; so no single writer is held
// longer than that share of it. It is kept as a balance that grows with time and is spent by what a hold adds
// to the time in which somebody is held: holds that overlap are paid once.
//
// Concurrency: one thread at a time. Times are CLOCK_MONOTONIC nanoseconds.
#pragma once

#include <algorithm>
#include <cstdint>

namespace stillframe {

class Brake {
 public:
  /// `delay_ns` 0 releases the brake. `max_share`: from 0 to 1.
  void Set(int64_t delay_ns, double max_share, int64_t now_ns) {
    Earn(now_ns);
    delay_ns_ = delay_ns;
    max_share_ = max_share;
    balance_ns_ = std::min(balance_ns_, BalanceMax());
  }

  bool IsOn() const { return delay_ns_ > 0; }

  /// When the writer whose fault came at `now_ns` may go on.
  int64_t Hold(int64_t now_ns) {
    if (!IsOn()) {
      return now_ns;
    }
    Earn(now_ns);
    const int64_t paid_until = std::max(now_ns, held_until_ns_);
    const int64_t due = std::min(now_ns + delay_ns_, paid_until + static_cast<int64_t>(balance_ns_));
    if (due > paid_until) {
      balance_ns_ -= static_cast<double>(due - paid_until);
      held_ns_ += due - paid_until;
      held_until_ns_ = due;
    }
    return due;
  }

  /// Time in which somebody was held.
  int64_t HeldNs() const { return held_ns_; }

 private:
  // What may be saved up while nobody writes, as time: a burst after a rest is not held for longer.
  static constexpr int64_t kWindowNs = 100'000'000;

  double BalanceMax() const { return max_share_ * static_cast<double>(kWindowNs); }

  void Earn(int64_t now_ns) {
    balance_ns_ =
        std::min(BalanceMax(), balance_ns_ + max_share_ * static_cast<double>(now_ns - earned_at_ns_));
    earned_at_ns_ = now_ns;
  }

  int64_t delay_ns_ = 0;
  double max_share_ = 0;
  double balance_ns_ = 0;
  int64_t earned_at_ns_ = 0;
  int64_t held_until_ns_ = 0;
  int64_t held_ns_ = 0;
};

}  // namespace stillframe

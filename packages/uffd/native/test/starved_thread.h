// A thread that goes on late when it has slept in the kernel: what the kernel promises only for later is then
// seen not to have happened yet.
#pragma once

#include <sched.h>

#include <atomic>
#include <functional>
#include <thread>
#include <utility>

namespace stillframe::test {

/// While it lives, this thread and those it starts stay on one processor; Run leaves them.
class TwoProcessors {
 public:
  TwoProcessors() {
    sched_getaffinity(0, sizeof before_, &before_);
    int processor = 0;
    for (int found = 0; processor < CPU_SETSIZE && found < 2; ++processor) {
      if (CPU_ISSET(processor, &before_)) {
        CPU_SET(processor, found == 0 ? &here_ : &there_);
        ++found;
      }
    }
    sched_setaffinity(0, sizeof here_, &here_);
  }
  ~TwoProcessors() { sched_setaffinity(0, sizeof before_, &before_); }
  TwoProcessors(const TwoProcessors&) = delete;
  TwoProcessors& operator=(const TwoProcessors&) = delete;

  /// Where this thread is; with one processor only that one.
  void StayThere() const {
    const bool has_two = CPU_COUNT(&there_) > 0;
    sched_setaffinity(0, sizeof here_, has_two ? &there_ : &here_);
  }

 private:
  cpu_set_t before_{};
  cpu_set_t here_{};
  cpu_set_t there_{};
};

/// Runs on the other processor beside a busy thread, and only when that one leaves a gap: once it has slept
/// in the kernel, it goes on much later.
class StarvedThread {
 public:
  StarvedThread(const TwoProcessors& processors, std::function<void()> body)
      : busy_([this, &processors] {
          processors.StayThere();
          is_busy_ = true;
          while (!stop_) {
          }
        }),
        starved_([this, &processors, body = std::move(body)] {
          processors.StayThere();
          while (!is_busy_) {
            sched_yield();
          }
          const sched_param none{};
          sched_setscheduler(0, SCHED_IDLE, &none);
          body();
        }) {}
  ~StarvedThread() { Join(); }
  StarvedThread(const StarvedThread&) = delete;
  StarvedThread& operator=(const StarvedThread&) = delete;

  /// Once the body is done.
  void Join() {
    stop_ = true;
    if (busy_.joinable()) {
      busy_.join();
      starved_.join();
    }
  }

 private:
  std::atomic<bool> is_busy_{false};
  std::atomic<bool> stop_{false};
  std::thread busy_;
  std::thread starved_;
};

}  // namespace stillframe::test

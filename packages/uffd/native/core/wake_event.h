// A futex that remembers: Signal before Wait is not lost. Signalling costs a system call only while somebody
// waits, takes no lock, and never blocks: fit for the fault thread.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace stillframe {

class WakeEvent {
 public:
  /// What to hand to Wait: take it before looking at the condition that is waited for.
  uint32_t Ticket() const { return sequence_.load(std::memory_order_seq_cst); }

  void Signal() {
    sequence_.fetch_add(1, std::memory_order_seq_cst);
    if (waiters_.load(std::memory_order_seq_cst) != 0) {
      syscall(SYS_futex, Word(), FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
    }
  }

  /// Returns when signalled since the ticket was taken, or at `until_ns` (CLOCK_MONOTONIC; 0: never). May
  /// return early.
  void Wait(uint32_t ticket, int64_t until_ns) {
    timespec until{.tv_sec = until_ns / 1'000'000'000, .tv_nsec = until_ns % 1'000'000'000};
    waiters_.fetch_add(1, std::memory_order_seq_cst);
    syscall(SYS_futex, Word(), FUTEX_WAIT_BITSET_PRIVATE, ticket, until_ns == 0 ? nullptr : &until, nullptr,
            FUTEX_BITSET_MATCH_ANY);
    waiters_.fetch_sub(1, std::memory_order_seq_cst);
  }

 private:
  // The kernel wants the address of a plain 32-bit word.
  uint32_t* Word() { return reinterpret_cast<uint32_t*>(&sequence_); }

  std::atomic<uint32_t> sequence_{0};
  std::atomic<uint32_t> waiters_{0};
  static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));
};

}  // namespace stillframe

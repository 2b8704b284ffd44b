// One byte a page: armed → claimed → captured.
//
// Concurrency: exactly one thread wins the claim and copies; everybody else leaves the page alone until it is
// captured (I-2: a page is released only after its pre-image is completely stored; a flag set before the copy
// would tear pages; I-3: each page once). Ordering: MarkCaptured is a release after the copy, State an
// acquire before the un-protect. Not handled: a page never goes back; a new capture has a new table.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <new>

namespace stillframe {

enum class PageState : uint8_t { kArmed = 0, kClaimed = 1, kCaptured = 2 };

class PageStates {
 public:
  explicit PageStates(uint64_t pages) { Map(pages); }
  ~PageStates() { Unmap(); }
  PageStates(const PageStates&) = delete;
  PageStates& operator=(const PageStates&) = delete;

  PageState State(uint64_t page) const { return states_[page].load(std::memory_order_acquire); }

  bool Claim(uint64_t page) {
    PageState expected = PageState::kArmed;
    return states_[page].load(std::memory_order_relaxed) == PageState::kArmed &&
           states_[page].compare_exchange_strong(expected, PageState::kClaimed, std::memory_order_acq_rel);
  }

  void MarkCaptured(uint64_t page) { states_[page].store(PageState::kCaptured, std::memory_order_release); }

  /// Makes room for another number of pages, all armed. Only before the first claim.
  void Reset(uint64_t pages) {
    if (pages > room_) {
      Unmap();
      Map(pages);
    }
  }

 private:
  // A guest that grows between opening and its cut finds room without another mapping inside its pause.
  static constexpr uint64_t kSpareDivisor = 4;

  /// Zero-filled by the kernel: all armed.
  void Map(uint64_t pages) {
    room_ = pages + pages / kSpareDivisor + 4096;
    void* memory =
        mmap(nullptr, room_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      room_ = 0;
      throw std::bad_alloc();
    }
    states_ = static_cast<std::atomic<PageState>*>(memory);
    // A first touch would otherwise be a fault inside the fault path. Best effort: older kernels lack the
    // advice.
    madvise(memory, room_, 23 /* MADV_POPULATE_WRITE, 5.14 */);
  }

  void Unmap() {
    if (room_ > 0) {
      munmap(states_, room_);
    }
  }

  uint64_t room_ = 0;  // pages, one byte each
  std::atomic<PageState>* states_ = nullptr;
  static_assert(sizeof(std::atomic<PageState>) == 1);
};

}  // namespace stillframe

// The only reader of the userfaultfd: turns write faults into stored pre-images and lets the writers go on.
//
// Concurrency: I-1, it waits for nobody but the kernel; with a full store and `stall` it leaves writers
// waiting and goes on reading. Ordering: copy, mark captured, un-protect (I-2). A page claimed by the sweeper
// is left to it: the sweeper un-protects its run after the copy and so wakes this writer too; it is kept on
// the pending list only so that its wait is measured and its release is not late. Duplicates: a fault
// interrupted by a signal is raised again; a captured page is simply un-protected again. Not handled: nothing
// here allocates, logs, or touches armed memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/capture_shared.h"
#include "kernel/abi.h"

namespace stillframe {

class FaultThread {
 public:
  FaultThread(CaptureShared& shared, int uffd) : shared_(shared), uffd_(uffd) {}

  /// The thread's body: returns once `stop_faults` is set and the wake fd was written.
  void Run();

  /// Once the thread has ended: faults that it has read and not let go.
  size_t Left() const { return pending_count_; }

 private:
  struct Pending {
    uint64_t address;  // a page number would not outlive a cut that numbers the pages anew
    int64_t arrival_ns;
  };
  enum class Outcome : uint8_t { kDone, kNoSlab, kClaimedElsewhere, kAddressSpaceChanging };

  // Events of one read(2): the kernel hands over all that wait, up to this many.
  static constexpr size_t kBatch = 64;
  // Each entry is a blocked thread of the guest; when it is full the rest stay in the kernel's queue.
  static constexpr size_t kPendingMax = 1024;

  // Pages that the guest threw away, until there is a slab to say so in.
  struct Lost {
    uint64_t first_page;
    uint64_t pages;
  };
  static constexpr size_t kLostMax = 4096;

  void WaitForWork();
  bool ReadEvents();
  void OnEvent(const abi::UffdMsg& message);
  void OnFault(uint64_t address, int64_t read_ns);
  void OnGone(uint64_t start, uint64_t end, Failure why);
  bool AnyLost(uint64_t first, uint64_t past) const;
  void Lose(uint64_t first, uint64_t past, Failure why);
  void PublishLost();
  void RetryPending();
  Outcome Serve(const Pending& fault);
  Outcome LetThrough(uint64_t address);
  Outcome Capture(uint64_t page, int64_t arrival_ns);
  Outcome Release(uint64_t page, int64_t arrival_ns);
  bool HaveRoom(size_t page_bytes);
  void Publish(Slab* slab);
  void TellConsumerIfHungry();

  CaptureShared& shared_;
  int uffd_;
  Slab* slab_ = nullptr;  // taken from shared_.current for the length of one batch
  std::array<Pending, kPendingMax> pending_{};
  size_t pending_count_ = 0;
  std::array<Lost, kLostMax> lost_{};
  size_t lost_count_ = 0;
  // A pending page is being copied by the sweeper: it will be captured in about a microsecond.
  bool spin_ = false;
  bool cut_ = false;  // the cut is made, as far as we have seen
  // The earliest that what is read next can have arrived, as far as we can tell.
  int64_t arrival_ns_ = 0;
};

}  // namespace stillframe

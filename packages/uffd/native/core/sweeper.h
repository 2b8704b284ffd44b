// Captures, in order and as granted, the pages that nobody faults on.
//
// Concurrency: claims a few pages at a time, so that a fault on one of them waits for that copy at most;
// un-protects in large pieces, because each un-protect interrupts every core that runs in the guest.
// Un-protecting wakes the writers of its run, which is what lets the fault thread leave a lost claim to us.
// Keeps the store's reserve, so that the fault thread does not touch new memory.
// Also tells the consumer, since calling into the runtime takes a lock there that the fault thread must not
// touch (I-1).
#pragma once

#include <cstdint>
#include <functional>

#include "core/capture_shared.h"
#include "core/hole_map.h"

namespace stillframe {

class Sweeper {
 public:
  Sweeper(CaptureShared& shared, std::function<void()> tell_consumer)
      : shared_(shared), holes_(shared.memory), tell_consumer_(std::move(tell_consumer)) {}

  /// Until the cut it belongs to the thread that arms.
  HoleMap& Holes() { return holes_; }

  /// The thread's body: returns once `stop_sweep` is set and `sweep_wake` was signalled.
  void Run();

 private:
  // A fault on a claimed page waits for the copy of at most this many bytes: about 4 µs.
  static constexpr uint64_t kClaimBytes = uint64_t{32} << 10;

  // Waking another core costs as much as copying half a slab.
  static constexpr size_t kTellSlabs = 4;
  static constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;

  // Adds to the time a page waits in the store, not to anybody's stall.
  static constexpr int64_t kTellDelayNs = 500'000;

  void PassOn(int64_t now_ns);
  int64_t NextDue(int64_t now_ns) const;
  bool TouchMore();
  bool Sweep(int64_t now_ns);
  Slab* TakeSlab();
  void Fill(Slab& slab, uint64_t granted);
  uint64_t ClaimPages(const GuestRegion& region) const;
  uint64_t FillHole(Slab& slab, size_t region_index, uint64_t end);
  uint64_t FillData(Slab& slab, size_t region_index, uint64_t end, uint64_t granted);
  bool CopyPages(Slab& slab, const GuestRegion& region, uint64_t region_first, uint64_t first,
                 uint64_t pages);
  bool CopyPageByPage(Slab& slab, const GuestRegion& region, uint64_t region_first, uint64_t first,
                      uint64_t pages);
  void ReleasePageByPage() const;
  void SkipCaptured();
  void Suspect(uint64_t first, uint64_t end);
  void Defer(uint64_t first, uint64_t end);
  void ReleaseDeferred();
  void Publish(Slab* slab);
  void TellConsumerIfHungry();

  CaptureShared& shared_;
  HoleMap holes_;
  std::function<void()> tell_consumer_;
  uint64_t cursor_ = 0;
  int64_t tell_due_ns_ = 0;  // 0: nothing to pass on
  // Captured and not un-protected yet: [first, end), within one region; equal: nothing.
  uint64_t deferred_first_ = 0;
  uint64_t deferred_end_ = 0;
};

}  // namespace stillframe

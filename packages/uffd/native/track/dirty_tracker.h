// Which pages of a guest were written since they were last asked about, asked slice by slice.
//
// Life: construct → Begin(kStart), Step … → (Begin(kCollect), Step …, ForRuns, Forget) … → Close. A
// collection that is not finished loses nothing: what it found is in the next. Threads: all by one; the
// destructor closes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/dirty_bitmap.h"
#include "core/guest_memory.h"
#include "track/tracking.h"

namespace stillframe {

enum class TrackStep : uint8_t { kCollect = 0, kCount = 1, kStart = 2 };

class DirtyTracker {
 public:
  /// Throws std::invalid_argument for regions that GuestMemory refuses.
  DirtyTracker(std::vector<GuestRegion> regions, std::unique_ptr<Tracking> tracking);
  ~DirtyTracker() { Close(); }
  DirtyTracker(const DirtyTracker&) = delete;
  DirtyTracker& operator=(const DirtyTracker&) = delete;

  void Begin(TrackStep step);
  /// Goes on for up to `bytes` of memory. 0: done, 1: more to do, or an errno negated.
  int Step(uint64_t bytes);
  /// What was collected and not forgotten yet, or counted if that was the last step; ascending.
  /// `visit(region, first_page, past)`, of pages of that region.
  template <typename Visit>
  void ForRuns(Visit visit) const {
    const DirtyBitmap& found = step_ == TrackStep::kCount ? counted_ : collected_;
    for (size_t region = 0; region < memory_.Regions().size(); ++region) {
      const uint64_t base = memory_.FirstPage(region);
      found.ForRuns(base, memory_.EndPage(region),
                    [&](uint64_t first, uint64_t past) { visit(region, first - base, past - base); });
    }
  }
  /// Whoever asked has it now.
  void Forget();
  /// The guest is something else now. 0 or errno; then nothing has changed. Throws std::invalid_argument.
  int Use(std::vector<GuestRegion> regions);
  bool SetBrake(int64_t delay_ns, double max_share) { return tracking_->SetBrake(delay_ns, max_share); }
  TrackingCounts Counts() { return tracking_->Counts(); }
  void Close();

 private:
  GuestMemory memory_;
  std::unique_ptr<Tracking> tracking_;
  DirtyBitmap collected_;
  DirtyBitmap counted_;
  TrackStep step_ = TrackStep::kCollect;
  size_t region_ = 0;    // where the step goes on,
  uint64_t offset_ = 0;  // from this byte
};

}  // namespace stillframe

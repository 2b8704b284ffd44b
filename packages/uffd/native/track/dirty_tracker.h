// Which pages of a guest were written since they were last asked about, asked slice by slice.
//
// Life: construct → Begin(kStart), Step … → (Begin(kCollect), Step …, Take) … → Close. A collection that is
// not finished loses nothing: what it found is in the next. Threads: all by one; the destructor closes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/guest_memory.h"
#include "track/dirty_bitmap.h"
#include "track/tracking.h"

namespace stillframe {

enum class TrackStep : uint8_t { kCollect = 0, kCount = 1, kStart = 2 };

/// Pages of one region.
struct DirtyRun {
  uint64_t region;
  uint64_t first_page;
  uint64_t pages;
};

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
  /// What was collected since the last Take, or counted by the last count; ascending.
  std::vector<DirtyRun> Take();
  /// The guest is something else now. 0 or errno; then nothing has changed. Throws std::invalid_argument.
  int Use(std::vector<GuestRegion> regions);
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

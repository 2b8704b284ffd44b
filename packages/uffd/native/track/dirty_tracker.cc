#include "track/dirty_tracker.h"

#include <algorithm>
#include <utility>

#include "track/span_pages.h"

namespace stillframe {

namespace {

// A slice that ends within a huge page would have the kernel split it.
constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;

}  // namespace

DirtyTracker::DirtyTracker(std::vector<GuestRegion> regions, std::unique_ptr<Tracking> tracking)
    : memory_(std::move(regions)), tracking_(std::move(tracking)), collected_(memory_.Pages()), counted_(0) {}

void DirtyTracker::Begin(TrackStep step) {
  step_ = step;
  region_ = 0;
  offset_ = 0;
  if (step == TrackStep::kStart) {
    collected_ = DirtyBitmap(memory_.Pages());
  } else if (step == TrackStep::kCount) {
    counted_ = collected_;
  }
}

int DirtyTracker::Step(uint64_t bytes) {
  while (region_ < memory_.Regions().size() && bytes > 0) {
    const GuestRegion& region = memory_.Regions()[region_];
    const uint64_t address = region.address + offset_;
    uint64_t end = region.address + region.size_bytes;
    if (end - address > bytes) {
      const uint64_t grain = std::max(kHugePageBytes, region.page_bytes);
      const uint64_t wanted = std::max((address + bytes) / grain, address / grain + 1) * grain;
      end = std::min(end, wanted);
    }
    const TrackedSpan span{.region = region,
                           .address = address,
                           .bytes = end - address,
                           .first_page = memory_.FirstPage(region_) + offset_ / region.page_bytes};
    int error = 0;
    switch (step_) {
      case TrackStep::kCollect:
        error = tracking_->Collect(span, collected_);
        break;
      case TrackStep::kCount:
        error = tracking_->Count(span, counted_);
        break;
      case TrackStep::kStart:
        error = tracking_->Start(span);
        break;
    }
    if (error != 0) {
      return -error;
    }
    bytes -= std::min(bytes, span.bytes);
    offset_ += span.bytes;
    if (offset_ == region.size_bytes) {
      ++region_;
      offset_ = 0;
    }
  }
  return region_ < memory_.Regions().size() ? 1 : 0;
}

void DirtyTracker::Forget() {
  if (step_ == TrackStep::kCount) {
    counted_ = DirtyBitmap(0);
    step_ = TrackStep::kCollect;
  } else {
    collected_ = DirtyBitmap(memory_.Pages());
  }
}

int DirtyTracker::Use(std::vector<GuestRegion> regions) {
  GuestMemory now(std::move(regions));
  if (const int error = tracking_->Use(memory_, now)) {
    return error;
  }
  // What an unfinished collection has found has other numbers now.
  collected_ = Renumbered(collected_, memory_, now);
  memory_ = std::move(now);
  return 0;
}

void DirtyTracker::Close() { tracking_->Close(memory_); }

}  // namespace stillframe

// The kernel notes writes by itself (UFFD_FEATURE_WP_ASYNC) and tells by PAGEMAP_SCAN, which protects again
// in the same step.
//
// Concurrency: no thread of ours, nobody waits. Ordering is the kernel's: a page is reported and protected
// under its page table lock. Not handled: nothing here reads guest memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/address_ranges.h"
#include "core/protector.h"
#include "kernel/abi.h"
#include "kernel/unique_fd.h"
#include "track/tracking.h"

namespace stillframe {

class AsyncTracking : public Tracking {
 public:
  /// `uffd` with WP_ASYNC and WP_UNPOPULATED; both descriptors are its own. `holes_are_written`: this
  /// kernel's scan passes over what was thrown away together with its page table, so holes are looked for.
  AsyncTracking(UniqueFd uffd, UniqueFd pagemap, bool holes_are_written);
  ~AsyncTracking() override = default;

  int Start(const TrackedSpan& span) override;
  int Collect(const TrackedSpan& span, DirtyBitmap& written) override;
  int Count(const TrackedSpan& span, DirtyBitmap& written) override;
  int Use(const GuestMemory& before, const GuestMemory& now) override;
  void Close(const GuestMemory& memory) override;

 private:
  // One answer of the kernel: 24 KiB.
  static constexpr size_t kRanges = 1024;

  int Written(const TrackedSpan& span, bool protect, DirtyBitmap& written);
  int Holes(const TrackedSpan& span, bool protect, DirtyBitmap& written);
  int TakeBack(const TrackedSpan& span, bool protect, DirtyBitmap& written);
  int Hole(const TrackedSpan& span, AddressRange hole, bool protect, DirtyBitmap& written) const;

  UniqueFd uffd_;
  UniqueFd pagemap_;
  const Protector protector_;
  const bool holes_are_written_;
  std::array<abi::PageRegion, kRanges> ranges_{};
  AddressRanges fresh_;  // named by Use and not collected yet: written as a whole
};

}  // namespace stillframe

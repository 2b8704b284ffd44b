// Between addresses and the numbers of pages.
#pragma once

#include <algorithm>

#include "core/address_ranges.h"
#include "track/tracking.h"

namespace stillframe {

inline AddressRange Addresses(const TrackedSpan& span) {
  return {.start = span.address, .end = span.address + span.bytes};
}

/// Marks the pages of the span that the range touches.
inline void SetPages(const TrackedSpan& span, AddressRange range, DirtyBitmap& written) {
  const uint64_t start = std::max(range.start, span.address);
  const uint64_t end = std::min(range.end, span.address + span.bytes);
  if (start < end) {
    const uint64_t page_bytes = span.region.page_bytes;
    written.Set(span.first_page + (start - span.address) / page_bytes,
                span.first_page + (end - span.address + page_bytes - 1) / page_bytes);
  }
}

/// Sorted, not joined: huge pages and small ones are different memory to the kernel.
inline AddressRanges AddressesOf(const GuestMemory& memory) {
  AddressRanges ranges;
  for (const GuestRegion& region : memory.Regions()) {
    ranges.push_back({.start = region.address, .end = region.address + region.size_bytes});
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const AddressRange& a, const AddressRange& b) { return a.start < b.start; });
  return ranges;
}

/// The same pages by the numbers that they have in `now`; what is not in it is left out.
inline DirtyBitmap Renumbered(const DirtyBitmap& pages, const GuestMemory& before, const GuestMemory& now) {
  DirtyBitmap renumbered(now.Pages());
  pages.ForRuns(0, before.Pages(), [&](uint64_t first, uint64_t past) {
    for (uint64_t page = first; page < past; ++page) {
      const PagePlace place = before.Place(page);
      now.ForOverlap(place.address, place.address + place.page_bytes,
                     [&](uint64_t from, uint64_t to) { renumbered.Set(from, to); });
    }
  });
  return renumbered;
}

}  // namespace stillframe

#include "track/async_tracking.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "kernel/pagemap.h"
#include "track/span_pages.h"

namespace stillframe {

AsyncTracking::AsyncTracking(UniqueFd uffd, UniqueFd pagemap, bool holes_are_written)
    : uffd_(std::move(uffd)),
      pagemap_(std::move(pagemap)),
      protector_(uffd_.get()),
      holes_are_written_(holes_are_written) {}

int AsyncTracking::Start(const TrackedSpan& span) {
  fresh_ = Subtract(fresh_, {Addresses(span)});
  const int error = protector_.Protect(span.address, span.bytes);
  if (error != ENOENT) {
    return error;
  }
  // Other memory was mapped there since.
  const int registering = protector_.Register(span.region.address, span.region.size_bytes);
  return registering != 0 ? registering : protector_.Protect(span.address, span.bytes);
}

int AsyncTracking::Collect(const TrackedSpan& span, DirtyBitmap& written) {
  int error = Written(span, true, written);
  if (error == 0 && holes_are_written_) {
    error = Holes(span, true, written);
  }
  if (error == 0 && !fresh_.empty()) {
    for (const AddressRange& range : Intersect(fresh_, {Addresses(span)})) {
      SetPages(span, range, written);
    }
    fresh_ = Subtract(fresh_, {Addresses(span)});
  }
  return error;
}

int AsyncTracking::Count(const TrackedSpan& span, DirtyBitmap& written) {
  for (const AddressRange& range : Intersect(fresh_, {Addresses(span)})) {
    SetPages(span, range, written);
  }
  const int error = Written(span, false, written);
  return error == 0 && holes_are_written_ ? Holes(span, false, written) : error;
}

/// The plain form of the question, mask and answer WRITTEN alone: the only one that all kernels answer alike
/// for pages that are not there.
int AsyncTracking::Written(const TrackedSpan& span, bool protect, DirtyBitmap& written) {
  const uint64_t end = span.address + span.bytes;
  for (uint64_t at = span.address; at < end;) {
    abi::PmScanArg scan{};
    scan.flags = abi::kScanCheckWpasync | (protect ? abi::kScanWpMatching : 0);
    scan.start = at;
    scan.end = end;
    scan.vec = reinterpret_cast<uint64_t>(ranges_.data());
    scan.vec_len = ranges_.size();
    scan.category_mask = abi::kPageIsWritten;
    scan.return_mask = abi::kPageIsWritten;
    const SysResult found = PagemapScan(pagemap_.get(), &scan);
    if (found.error == EPERM) {
      return TakeBack(span, protect, written);
    }
    if (!found.ok()) {
      return found.error;
    }
    for (size_t i = 0; i < static_cast<size_t>(found.value); ++i) {
      SetPages(span, {.start = ranges_[i].start, .end = ranges_[i].end}, written);
    }
    at = scan.walk_end;
  }
  return 0;
}

/// Memory that is not registered: it was mapped since. How far the failed scan has protected is not known, so
/// the whole region counts as written.
int AsyncTracking::TakeBack(const TrackedSpan& span, bool protect, DirtyBitmap& written) {
  const uint64_t first = span.first_page - (span.address - span.region.address) / span.region.page_bytes;
  written.Set(first, first + span.region.size_bytes / span.region.page_bytes);
  if (!protect) {
    return 0;
  }
  const int error = protector_.Register(span.region.address, span.region.size_bytes);
  return error != 0 ? error : protector_.Protect(span.region.address, span.region.size_bytes);
}

/// Protecting has left a marker wherever there was no page, which counts as swapped; what is neither was
/// thrown away since.
int AsyncTracking::Holes(const TrackedSpan& span, bool protect, DirtyBitmap& written) {
  const uint64_t end = span.address + span.bytes;
  uint64_t known = span.address;
  for (uint64_t at = span.address; at < end;) {
    abi::PmScanArg scan{};
    scan.start = at;
    scan.end = end;
    scan.vec = reinterpret_cast<uint64_t>(ranges_.data());
    scan.vec_len = ranges_.size();
    scan.category_anyof_mask = abi::kPageIsPresent | abi::kPageIsSwapped;
    scan.return_mask = abi::kPageIsWpallowed;
    const SysResult found = PagemapScan(pagemap_.get(), &scan);
    if (!found.ok()) {
      return found.error;
    }
    for (size_t i = 0; i < static_cast<size_t>(found.value); ++i) {
      if (const int error = Hole(span, {.start = known, .end = ranges_[i].start}, protect, written)) {
        return error;
      }
      known = ranges_[i].end;
    }
    at = scan.walk_end;
  }
  return Hole(span, {.start = known, .end = end}, protect, written);
}

int AsyncTracking::Hole(const TrackedSpan& span, AddressRange hole, bool protect,
                        DirtyBitmap& written) const {
  if (hole.start >= hole.end) {
    return 0;
  }
  SetPages(span, hole, written);
  return protect ? protector_.Protect(hole.start, hole.end - hole.start) : 0;
}

int AsyncTracking::Use(const GuestMemory& before, const GuestMemory& now) {
  AddressRanges fresh;
  for (const AddressRange& range : Subtract(AddressesOf(now), AddressesOf(before))) {
    if (const int error = protector_.Register(range.start, range.end - range.start)) {
      return error;
    }
    if (const int error = protector_.Protect(range.start, range.end - range.start)) {
      return error;
    }
    fresh.push_back(range);
  }
  fresh.insert(fresh.end(), fresh_.begin(), fresh_.end());
  fresh_ = Joined(std::move(fresh));
  return 0;
}

void AsyncTracking::Close(const GuestMemory& /*memory*/) {
  // Unregisters everything. Nobody sleeps.
  uffd_.Close();
}

}  // namespace stillframe

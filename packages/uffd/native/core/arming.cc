#include "core/arming.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace stillframe {

namespace {

// Writes that were let through ahead are protected again once, so that few are left for the cut.
constexpr uint64_t kRedoBytesMax = uint64_t{64} << 20;
// Protecting a page that is protected costs less than another system call.
constexpr uint64_t kRejoinGapBytes = uint64_t{64} << 10;

uint64_t Bytes(const AddressRanges& ranges) {
  uint64_t bytes = 0;
  for (const AddressRange& range : ranges) {
    bytes += range.end - range.start;
  }
  return bytes;
}

class Gate {
 public:
  explicit Gate(BeforeCut& before_cut) : before_cut_(before_cut) { before_cut_.Lock(); }
  ~Gate() { before_cut_.Unlock(); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

 private:
  BeforeCut& before_cut_;
};

}  // namespace

Arming::Arming(CaptureShared& shared, HoleMap& holes, bool registers)
    : shared_(shared),
      holes_(holes),
      registers_(registers),
      changed_are_protected_(!shared.changes.HasEarlierCut()) {
  if (shared_.changes.HasEarlierCut()) {
    // The earlier capture has left everything protected that has not changed since.
    region_ = shared_.memory.Regions().size();
    ahead_ = Regions();
  }
}

bool Arming::Ahead(uint64_t bytes) {
  const std::vector<GuestRegion>& regions = shared_.memory.Regions();
  while (region_ < regions.size() && bytes > 0 && !shared_.Failed()) {
    const GuestRegion& region = regions[region_];
    const uint64_t piece = std::min(region.size_bytes - offset_,
                                    std::max(bytes / region.page_bytes, uint64_t{1}) * region.page_bytes);
    const bool done = !region.only_at_cut && AheadIn(region, piece);
    bytes -= std::min(bytes, piece);
    offset_ += piece;
    if (!done || offset_ == region.size_bytes) {
      ++region_;
      offset_ = 0;
    }
  }
  if (region_ < regions.size() && !shared_.Failed()) {
    return true;
  }
  ahead_ = Joined(std::move(ahead_));
  RedoNoted();
  return false;
}

/// False: the region cannot be protected as it is.
bool Arming::AheadIn(const GuestRegion& region, uint64_t bytes) {
  const uint64_t start = region.address + offset_;
  if (registers_ && offset_ == 0 && shared_.protector.Register(region.address, region.size_bytes) != 0) {
    return false;
  }
  holes_.NoteCut(region_, start, start + bytes);
  int error = EAGAIN;
  while (error == EAGAIN && !shared_.Failed()) {
    error = shared_.protector.Protect(start, bytes);
    if (error == EAGAIN) {
      sched_yield();
    }
  }
  if (error != 0) {
    return false;
  }
  ahead_.push_back({.start = start, .end = start + bytes});
  return true;
}

/// The guest runs: what is written again meanwhile is noted again.
void Arming::RedoNoted() {
  bool everything = false;
  AddressRanges noted;
  {
    const Gate gate(shared_.before_cut);
    noted = shared_.before_cut.TakeNoted(&everything);
    noted = Unprotected(everything || Bytes(noted) > kRedoBytesMax, noted, ahead_);
    changed_are_protected_ = true;
  }
  for (const AddressRange& range : noted) {
    if (shared_.protector.Protect(range.start, range.end - range.start) != 0) {
      const Gate gate(shared_.before_cut);
      shared_.before_cut.Note(range.start, range.end);
    }
  }
}

int Arming::Cut(std::vector<GuestRegion> regions) {
  std::optional<GuestMemory> now;
  if (!regions.empty()) {
    now.emplace(std::move(regions));
  }
  const Gate gate(shared_.before_cut);
  ahead_ = Joined(std::move(ahead_));
  if (now) {
    shared_.memory = std::move(*now);
    shared_.states.Reset(shared_.memory.Pages());
    for (const AddressRange& range : Subtract(ahead_, Regions())) {
      // Stays registered, which costs nothing: unregistering a part would split the owner's mapping.
      shared_.protector.Release(range.start, range.end - range.start);
    }
  }
  const AddressRanges wanted = Regions();
  int error = ProtectRest(wanted);
  if (error == 0) {
    error = ProtectNoted(wanted);
  }
  if (error != 0) {
    shared_.DisarmAll();
    return error;
  }
  SkipUnchanged();
  shared_.before_cut.End();
  return 0;
}

/// What is not protected any more, of what was. Holding the gate.
AddressRanges Arming::Unprotected(bool everything, const AddressRanges& noted,
                                  const AddressRanges& wanted) const {
  if (!shared_.changes.HasEarlierCut()) {
    return everything ? wanted : Intersect(noted, wanted);
  }
  if (!everything && changed_are_protected_) {
    return Intersect(noted, wanted);
  }
  AddressRanges changed;
  shared_.changes.ForChanged(shared_.memory, [&](uint64_t first, uint64_t past) {
    const PagePlace place = shared_.memory.Place(first);
    const PagePlace last = shared_.memory.Place(past - 1);
    changed.push_back({.start = place.address, .end = last.address + last.page_bytes});
  });
  return Intersect(Joined(std::move(changed), kRejoinGapBytes), wanted);
}

/// What has not changed since the earlier cut is in its image. With the guest at rest, holding the gate.
void Arming::SkipUnchanged() {
  shared_.changes.Cut(shared_.memory, [this](uint64_t first, uint64_t past) {
    for (uint64_t page = first; page < past; ++page) {
      shared_.states.MarkCaptured(page);
    }
  });
}

/// What was not protected ahead.
int Arming::ProtectRest(const AddressRanges& wanted) {
  const AddressRanges rest = Subtract(wanted, ahead_);
  for (const AddressRange& range : rest) {
    if (const int error = registers_ ? shared_.protector.Register(range.start, range.end - range.start) : 0) {
      return error;
    }
  }
  for (size_t i = 0; i < shared_.memory.Regions().size(); ++i) {
    const GuestRegion& region = shared_.memory.Regions()[i];
    for (const AddressRange& range :
         Intersect(rest, {{.start = region.address, .end = region.address + region.size_bytes}})) {
      holes_.NoteCut(i, range.start, range.end);
    }
  }
  return ProtectAll(rest);
}

/// What was let through since it was protected; again while the gate had to be given up in between.
int Arming::ProtectNoted(const AddressRanges& wanted) {
  while ((shared_.before_cut.AnyNoted() || !changed_are_protected_) && !shared_.Failed()) {
    bool everything = false;
    const AddressRanges noted = shared_.before_cut.TakeNoted(&everything);
    const AddressRanges ranges = Unprotected(everything, noted, wanted);
    changed_are_protected_ = true;
    if (const int error = ProtectAll(ranges)) {
      return error;
    }
  }
  return 0;
}

int Arming::ProtectAll(const AddressRanges& ranges) {
  for (const AddressRange& range : ranges) {
    int error = shared_.protector.Protect(range.start, range.end - range.start);
    while (error == EAGAIN && !shared_.Failed()) {
      shared_.before_cut.Unlock();
      sched_yield();
      shared_.before_cut.Lock();
      error = shared_.protector.Protect(range.start, range.end - range.start);
    }
    // Unmapped and mapped again at the same place: it is other memory to the kernel.
    if (error == ENOENT && registers_ &&
        shared_.protector.Register(range.start, range.end - range.start) == 0) {
      error = shared_.protector.Protect(range.start, range.end - range.start);
    }
    if (error != 0) {
      return error;
    }
  }
  return 0;
}

AddressRanges Arming::Regions() const {
  AddressRanges ranges;
  for (const GuestRegion& region : shared_.memory.Regions()) {
    ranges.push_back({.start = region.address, .end = region.address + region.size_bytes});
  }
  // Not joined: huge pages and small ones are different memory to the kernel.
  std::sort(ranges.begin(), ranges.end(),
            [](const AddressRange& a, const AddressRange& b) { return a.start < b.start; });
  return ranges;
}

}  // namespace stillframe

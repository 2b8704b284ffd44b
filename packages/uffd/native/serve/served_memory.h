// The memory of a page server: which pages are there, and how they are put there.
//
// Concurrency: not thread-safe; PageServer::lock_ is held for every call. The lock is also held while events
// are read and noted. That closes the one gap the kernel leaves: once a REMOVE event has been *read*, pages
// can be installed again, and one of the image put there then would survive the owner's madvise. So nobody
// installs between the reading of an event and its being noted here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernel/unique_fd.h"

namespace stillframe {

struct PageSpan {
  uint32_t region = 0;
  uint64_t first_page = 0;
  uint64_t pages = 0;
};

/// One page as one number, for maps.
inline uint64_t KeyOf(const PageSpan& page) { return uint64_t{page.region} << 44 | page.first_page; }
inline PageSpan PageOf(uint64_t key) {
  return {static_cast<uint32_t>(key >> 44), key & ((uint64_t{1} << 44) - 1), 1};
}

enum class PageState : uint8_t {
  kMissing,
  kRequested,  // missing, and a filler was asked
  kSettled,    // installed, or thrown away by its owner: not ours any more
  kLost,       // poisoned
};

struct ServedRegion {
  uint64_t size_bytes = 0;
  uint64_t page_bytes = 0;
  /// Where the file of the region is mapped in this process; 0: pages are put where they are mapped.
  uint64_t staging = 0;
};

/// A mapping of (a part of) a region, in the owner's address space.
struct ServedView {
  uint32_t region = 0;
  uint64_t address = 0;
  uint64_t first_page = 0;
  uint64_t pages = 0;
};

enum class Installed {
  kDone,
  kAgain,      // an event has to be read first
  kOwnerGone,  // the address space has ended
  kRefused,    // see ServedMemory::last_error
};

class ServedMemory {
 public:
  /// Throws std::invalid_argument for views that do not fit. The descriptors are owned from here on.
  ServedMemory(UniqueFd uffd, UniqueFd install_uffd, std::vector<ServedRegion> regions,
               std::vector<ServedView> views);

  int uffd() const { return uffd_.get(); }
  size_t RegionCount() const { return regions_.size(); }
  const ServedRegion& Region(uint32_t region) const { return regions_[region]; }
  uint64_t PageCount(uint32_t region) const { return states_[region].size(); }
  bool Exists(const PageSpan& span) const;
  PageState State(uint32_t region, uint64_t page) const { return states_[region][page]; }
  bool IsMissing(uint32_t region, uint64_t page) const {
    return State(region, page) <= PageState::kRequested;
  }
  /// Of a page that is missing; any other stays what it is.
  void MarkRequested(uint32_t region, uint64_t page) {
    if (PageState& now = states_[region][page]; now == PageState::kMissing) {
      now = PageState::kRequested;
    }
  }
  uint64_t Missing() const { return missing_; }
  uint64_t Pages() const { return pages_; }
  std::vector<PageSpan> MissingSpans() const;

  /// The page at an address of the owner.
  std::optional<PageSpan> Find(uint64_t address) const;

  /// Registers it; 0 or an errno. The view fits the region.
  int AddView(const ServedView& view);

  /// Installs what of `span` is missing, from `bytes`, or as zeros where that is null, and wakes who waits.
  /// `*done` counts pages installed, `*from` is where to go on after kAgain, relative to the span.
  Installed Install(const PageSpan& span, const std::byte* bytes, uint64_t* from, uint64_t* done);

  /// A fault on a page that is not missing: it came meanwhile (wakes), or was thrown away (zeros, wakes).
  Installed Refresh(const PageSpan& page, uint64_t address, bool is_minor);

  /// Poisons what of `span` is missing. kRefused when the kernel has no such thing: then it stays missing.
  Installed Poison(const PageSpan& span, uint64_t* from, uint64_t* done);
  /// A page that belongs to no region.
  void PoisonAddress(uint64_t address, uint64_t size_bytes);

  /// The owner threw pages away. Returns how many of them had not come.
  uint64_t Removed(uint64_t start, uint64_t end, bool unmapped);
  /// False: a part of a view was moved, which cannot be followed.
  bool Moved(uint64_t from, uint64_t to, uint64_t size_bytes);

  /// Ends the watch of all views, which wakes everybody.
  void Unregister();
  /// After that nothing may be called but the questions.
  void CloseFds() {
    uffd_.Close();
    install_uffd_.Close();
  }

  int last_error() const { return last_error_; }

 private:
  Installed InstallRun(const PageSpan& run, const std::byte* bytes, uint64_t* done);
  Installed PutAt(int fd, uint64_t address, const std::byte* bytes, uint64_t size_bytes,
                  uint64_t* bytes_done);
  Installed PoisonView(uint64_t address, uint64_t size_bytes, uint64_t page_bytes);
  template <typename Each>
  void ForViewsOf(const PageSpan& span, Each each);
  void Wake(const PageSpan& span);
  void Settle(const PageSpan& span, PageState state);
  int InstallFd(uint32_t region) const;
  Installed Failed(int error);

  UniqueFd uffd_;
  UniqueFd install_uffd_;
  std::vector<ServedRegion> regions_;
  std::vector<ServedView> views_;
  std::vector<std::vector<PageState>> states_;
  std::vector<std::byte> zeros_;
  uint64_t pages_ = 0;
  uint64_t missing_ = 0;
  int last_error_ = 0;
};

}  // namespace stillframe

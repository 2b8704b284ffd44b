#include "serve/served_memory.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "kernel/userfault.h"

namespace stillframe {

ServedMemory::ServedMemory(UniqueFd uffd, UniqueFd install_uffd, std::vector<ServedRegion> regions,
                           std::vector<ServedView> views)
    : uffd_(std::move(uffd)), install_uffd_(std::move(install_uffd)), regions_(std::move(regions)) {
  for (const ServedRegion& region : regions_) {
    if (region.page_bytes == 0 || region.size_bytes == 0 || region.size_bytes % region.page_bytes != 0) {
      throw std::invalid_argument("a region that is not made of whole pages");
    }
    states_.emplace_back(region.size_bytes / region.page_bytes, PageState::kMissing);
    pages_ += states_.back().size();
  }
  for (const ServedView& view : views) {
    if (view.pages == 0 || !Exists({view.region, view.first_page, view.pages})) {
      throw std::invalid_argument("a mapping that shows no pages of its region");
    }
  }
  views_ = std::move(views);
  missing_ = pages_;
}

bool ServedMemory::Exists(const PageSpan& span) const {
  if (span.region >= regions_.size()) {
    return false;
  }
  const uint64_t count = PageCount(span.region);
  return span.pages <= count && span.first_page <= count - span.pages;
}

std::vector<PageSpan> ServedMemory::MissingSpans() const {
  std::vector<PageSpan> spans;
  for (uint32_t region = 0; region < regions_.size(); ++region) {
    const std::vector<PageState>& states = states_[region];
    for (uint64_t page = 0; page < states.size();) {
      const uint64_t start = page;
      while (page < states.size() && states[page] <= PageState::kRequested) {
        ++page;
      }
      if (page > start) {
        spans.push_back({region, start, page - start});
      } else {
        ++page;
      }
    }
  }
  return spans;
}

std::optional<PageSpan> ServedMemory::Find(uint64_t address) const {
  for (const ServedView& view : views_) {
    const uint64_t page_bytes = regions_[view.region].page_bytes;
    if (address >= view.address && address - view.address < view.pages * page_bytes) {
      return PageSpan{view.region, view.first_page + (address - view.address) / page_bytes, 1};
    }
  }
  return std::nullopt;
}

int ServedMemory::AddView(const ServedView& view) {
  const uint64_t size_bytes = view.pages * regions_[view.region].page_bytes;
  const SysResult result = UffdRegister(uffd_.get(), view.address, size_bytes, abi::kRegisterModeMissing);
  if (result.ok()) {
    views_.push_back(view);
  }
  return result.error;
}

template <typename Each>
void ServedMemory::ForViewsOf(const PageSpan& span, Each each) {
  const uint64_t page_bytes = regions_[span.region].page_bytes;
  for (const ServedView& view : views_) {
    const uint64_t first = std::max(span.first_page, view.first_page);
    const uint64_t end = std::min(span.first_page + span.pages, view.first_page + view.pages);
    if (view.region == span.region && first < end) {
      each(view.address + (first - view.first_page) * page_bytes, (end - first) * page_bytes, first,
           end - first);
    }
  }
}

void ServedMemory::Wake(const PageSpan& span) {
  ForViewsOf(span, [this](uint64_t address, uint64_t size_bytes, uint64_t, uint64_t) {
    UffdWake(uffd_.get(), address, size_bytes);
  });
}

void ServedMemory::Settle(const PageSpan& span, PageState state) {
  for (uint64_t page = span.first_page; page < span.first_page + span.pages; ++page) {
    PageState& now = states_[span.region][page];
    if (now <= PageState::kRequested) {
      --missing_;
    }
    now = state;
  }
}

int ServedMemory::InstallFd(uint32_t region) const {
  return regions_[region].staging != 0 && install_uffd_ ? install_uffd_.get() : uffd_.get();
}

Installed ServedMemory::Failed(int error) {
  if (error == EAGAIN) {
    return Installed::kAgain;
  }
  if (error == ESRCH) {
    return Installed::kOwnerGone;
  }
  last_error_ = error;
  return Installed::kRefused;
}

// One ioctl, until it stops. EEXIST and ENOENT (unmapped meanwhile) come with the first page only.
Installed ServedMemory::PutAt(int fd, uint64_t address, const std::byte* bytes, uint64_t size_bytes,
                              uint64_t* bytes_done) {
  SysResult result;
  if (bytes != nullptr) {
    result = UffdCopy(fd, address, reinterpret_cast<uintptr_t>(bytes), size_bytes, 0);
  } else {
    result = UffdZeropage(fd, address, size_bytes, 0);
    if (result.error == EINVAL && result.value == 0) {
      // hugetlb has no page of zeros to map.
      zeros_.resize(size_bytes);
      result = UffdCopy(fd, address, reinterpret_cast<uintptr_t>(zeros_.data()), size_bytes, 0);
    }
  }
  *bytes_done = static_cast<uint64_t>(result.value);
  return result.ok() || result.value > 0 ? Installed::kDone : Failed(result.error);
}

Installed ServedMemory::InstallRun(const PageSpan& run, const std::byte* bytes, uint64_t* done) {
  const ServedRegion& region = regions_[run.region];
  uint64_t settled = 0;
  while (settled < run.pages) {
    uint64_t page = run.first_page + settled;
    uint64_t most = run.pages - settled;
    uint64_t address = region.staging + page * region.page_bytes;
    if (region.staging == 0) {
      // Where no mapping shows the page any more, it is nobody's.
      address = 0;
      ForViewsOf({run.region, page, most}, [&](uint64_t at, uint64_t, uint64_t first, uint64_t count) {
        if (first == page && address == 0) {
          address = at;
          most = count;
        }
      });
      if (address == 0) {
        Settle({run.region, page, 1}, PageState::kSettled);
        ++settled;
        continue;
      }
    }
    uint64_t bytes_done = 0;
    const std::byte* from = bytes == nullptr ? nullptr : bytes + settled * region.page_bytes;
    const Installed result =
        PutAt(InstallFd(run.region), address, from, most * region.page_bytes, &bytes_done);
    uint64_t count = bytes_done / region.page_bytes;
    if (result == Installed::kDone) {
      *done += count;
    } else if (result == Installed::kRefused && (last_error_ == EEXIST || last_error_ == ENOENT)) {
      count = 1;
    } else {
      return result;
    }
    const PageSpan span{run.region, page, count};
    Settle(span, PageState::kSettled);
    if (region.staging != 0 || result != Installed::kDone) {
      Wake(span);
    }
    settled += count;
  }
  return Installed::kDone;
}

Installed ServedMemory::Install(const PageSpan& span, const std::byte* bytes, uint64_t* from,
                                uint64_t* done) {
  const uint64_t page_bytes = regions_[span.region].page_bytes;
  while (*from < span.pages) {
    if (!IsMissing(span.region, span.first_page + *from)) {
      ++*from;
      continue;
    }
    uint64_t end = *from + 1;
    while (end < span.pages && IsMissing(span.region, span.first_page + end)) {
      ++end;
    }
    const PageSpan run{span.region, span.first_page + *from, end - *from};
    const std::byte* source = bytes == nullptr ? nullptr : bytes + *from * page_bytes;
    if (const Installed result = InstallRun(run, source, done); result != Installed::kDone) {
      return result;
    }
    *from = end;
  }
  return Installed::kDone;
}

Installed ServedMemory::Refresh(const PageSpan& page, uint64_t address, bool is_minor) {
  const ServedRegion& region = regions_[page.region];
  const uint64_t start = address / region.page_bytes * region.page_bytes;
  if (State(page.region, page.first_page) == PageState::kLost) {
    PoisonAddress(start, region.page_bytes);
    return Installed::kDone;
  }
  SysResult result;
  if (is_minor) {
    result = UffdContinue(uffd_.get(), start, region.page_bytes, 0);
  } else {
    uint64_t bytes_done = 0;
    const uint64_t at = region.staging != 0 ? region.staging + page.first_page * region.page_bytes : start;
    const Installed put = PutAt(InstallFd(page.region), at, nullptr, region.page_bytes, &bytes_done);
    if (put == Installed::kAgain || put == Installed::kOwnerGone) {
      return put;
    }
    result.error = put == Installed::kDone ? 0 : last_error_;
  }
  if (result.error == EAGAIN || result.error == ESRCH) {
    return Failed(result.error);
  }
  const bool is_there = result.ok() || result.error == EEXIST || result.error == ENOENT;
  UffdWake(uffd_.get(), start, region.page_bytes);
  return is_there ? Installed::kDone : Failed(result.error);
}

Installed ServedMemory::PoisonView(uint64_t address, uint64_t size_bytes, uint64_t page_bytes) {
  while (size_bytes > 0) {
    const SysResult result = UffdPoison(uffd_.get(), address, size_bytes, 0);
    auto count = static_cast<uint64_t>(result.value);
    if (!result.ok() && count == 0) {
      if (result.error != EEXIST && result.error != ENOENT) {
        return Failed(result.error);
      }
      count = page_bytes;  // it is there, or it is nobody's any more
    }
    address += count;
    size_bytes -= count;
  }
  return Installed::kDone;
}

Installed ServedMemory::Poison(const PageSpan& span, uint64_t* from, uint64_t* done) {
  while (*from < span.pages) {
    if (!IsMissing(span.region, span.first_page + *from)) {
      ++*from;
      continue;
    }
    uint64_t end = *from + 1;
    while (end < span.pages && IsMissing(span.region, span.first_page + end)) {
      ++end;
    }
    const PageSpan run{span.region, span.first_page + *from, end - *from};
    Installed outcome = Installed::kDone;
    ForViewsOf(run, [&](uint64_t address, uint64_t size_bytes, uint64_t, uint64_t) {
      if (outcome == Installed::kDone) {
        outcome = PoisonView(address, size_bytes, regions_[run.region].page_bytes);
      }
    });
    if (outcome != Installed::kDone) {
      return outcome;
    }
    Settle(run, PageState::kLost);
    Wake(run);
    *done += run.pages;
    *from = end;
  }
  return Installed::kDone;
}

void ServedMemory::PoisonAddress(uint64_t address, uint64_t size_bytes) {
  UffdPoison(uffd_.get(), address, size_bytes, 0);
  UffdWake(uffd_.get(), address, size_bytes);
}

uint64_t ServedMemory::Removed(uint64_t start, uint64_t end, bool unmapped) {
  uint64_t count = 0;
  std::vector<ServedView> kept;
  for (const ServedView& view : views_) {
    const ServedRegion& region = regions_[view.region];
    const uint64_t view_end = view.address + view.pages * region.page_bytes;
    const uint64_t from = std::max(start, view.address);
    const uint64_t to = std::min(end, view_end);
    if (from >= to) {
      kept.push_back(view);
      continue;
    }
    const uint64_t first = (from - view.address) / region.page_bytes;
    const uint64_t last = (to - view.address) / region.page_bytes;
    // A copy of a file that is unmapped takes nothing from the others.
    if (!(unmapped && region.staging != 0)) {
      for (uint64_t page = view.first_page + first; page < view.first_page + last; ++page) {
        count += IsMissing(view.region, page) ? 1 : 0;
        Settle({view.region, page, 1}, PageState::kSettled);
      }
    }
    // Who waited for a page that is gone faults again, and is told so then.
    UffdWake(uffd_.get(), from, to - from);
    if (!unmapped) {
      kept.push_back(view);
      continue;
    }
    if (first > 0) {
      kept.push_back({view.region, view.address, view.first_page, first});
    }
    if (last < view.pages) {
      kept.push_back(
          {view.region, view.address + last * region.page_bytes, view.first_page + last, view.pages - last});
    }
  }
  views_ = std::move(kept);
  return count;
}

bool ServedMemory::Moved(uint64_t from, uint64_t to, uint64_t size_bytes) {
  for (ServedView& view : views_) {
    const uint64_t view_bytes = view.pages * regions_[view.region].page_bytes;
    if (view.address == from && size_bytes >= view_bytes) {
      view.address = to;
      return true;
    }
  }
  return false;
}

void ServedMemory::Unregister() {
  for (const ServedView& view : views_) {
    const uint64_t size_bytes = view.pages * regions_[view.region].page_bytes;
    UffdUnregister(uffd_.get(), view.address, size_bytes);
    UffdWake(uffd_.get(), view.address, size_bytes);
  }
}

}  // namespace stillframe

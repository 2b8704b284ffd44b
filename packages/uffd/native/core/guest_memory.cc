#include "core/guest_memory.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <stdexcept>

namespace stillframe {

namespace {

// The guest writes this memory as soon as the page is released. The kernel orders that (release comes after
// the copy, by ioctl), which a race detector cannot see, so under one the copy is done by hand in a function
// it does not instrument.
#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize("thread"), noinline)) void CopyPages(uint8_t* out, const uint8_t* from,
                                                                size_t bytes) {
  for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
    *reinterpret_cast<volatile uint64_t*>(out + i) = *reinterpret_cast<const volatile uint64_t*>(from + i);
  }
}
#else
void CopyPages(uint8_t* out, const uint8_t* from, size_t bytes) { std::memcpy(out, from, bytes); }
#endif

}  // namespace

GuestMemory::GuestMemory(std::vector<GuestRegion> regions) : regions_(std::move(regions)) {
  first_pages_.push_back(0);
  for (const GuestRegion& region : regions_) {
    if (region.page_bytes < 4096 || (region.page_bytes & (region.page_bytes - 1)) != 0 ||
        region.size_bytes == 0 || region.address % region.page_bytes != 0 ||
        region.size_bytes % region.page_bytes != 0) {
      throw std::invalid_argument("region is not page-aligned");
    }
    first_pages_.push_back(first_pages_.back() + region.size_bytes / region.page_bytes);
    bytes_ += region.size_bytes;
    largest_page_bytes_ = std::max(largest_page_bytes_, region.page_bytes);
  }
  if (regions_.empty()) {
    throw std::invalid_argument("no region");
  }
  by_address_.resize(regions_.size());
  std::iota(by_address_.begin(), by_address_.end(), 0U);
  std::sort(by_address_.begin(), by_address_.end(),
            [this](uint32_t a, uint32_t b) { return regions_[a].address < regions_[b].address; });
  for (size_t i = 1; i < by_address_.size(); ++i) {
    const GuestRegion& before = regions_[by_address_[i - 1]];
    if (before.address + before.size_bytes > regions_[by_address_[i]].address) {
      throw std::invalid_argument("regions overlap");
    }
  }
}

size_t GuestMemory::RegionOf(uint64_t page) const {
  const auto after = std::upper_bound(first_pages_.begin(), first_pages_.end(), page);
  return static_cast<size_t>(after - first_pages_.begin()) - 1;
}

PagePlace GuestMemory::Place(uint64_t page) const {
  const size_t index = RegionOf(page);
  const GuestRegion& region = regions_[index];
  return {.region = index,
          .address = region.address + (page - first_pages_[index]) * region.page_bytes,
          .page_bytes = region.page_bytes};
}

std::optional<uint64_t> GuestMemory::PageAt(uint64_t address) const {
  const auto after =
      std::upper_bound(by_address_.begin(), by_address_.end(), address,
                       [this](uint64_t wanted, uint32_t index) { return wanted < regions_[index].address; });
  if (after == by_address_.begin()) {
    return std::nullopt;
  }
  const uint32_t index = *(after - 1);
  const GuestRegion& region = regions_[index];
  if (address - region.address >= region.size_bytes) {
    return std::nullopt;
  }
  return first_pages_[index] + (address - region.address) / region.page_bytes;
}

ReadResult GuestMemory::Read(const GuestRegion& region, uint64_t address, uint8_t* out, size_t bytes) {
  if (region.memory_fd < 0) {
    CopyPages(out, reinterpret_cast<const uint8_t*>(address), bytes);
    return ReadResult::kOk;
  }
  // A file is read without looking every page up in the address space that has it mapped.
  const bool of_file = region.file_fd >= 0;
  const int fd = of_file ? region.file_fd : region.memory_fd;
  const uint64_t from = of_file ? address - region.address : address;
  for (size_t done = 0; done < bytes;) {
    const ssize_t got = pread(fd, out + done, bytes - done, static_cast<off_t>(from + done));
    if (got == 0) {
      return ReadResult::kGone;
    }
    if (got < 0 && errno != EINTR) {
      return ReadResult::kUnmapped;
    }
    done += got > 0 ? static_cast<size_t>(got) : 0;
  }
  return ReadResult::kOk;
}

}  // namespace stillframe

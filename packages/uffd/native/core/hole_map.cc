#include "core/hole_map.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>

namespace stillframe {

namespace {

bool AnyZeroHoles(const GuestMemory& memory) {
  return std::any_of(memory.Regions().begin(), memory.Regions().end(),
                     [](const GuestRegion& region) { return region.holes_are_zero; });
}

}  // namespace

HoleMap::HoleMap(const GuestMemory& memory)
    : memory_(memory),
      pagemap_fd_(AnyZeroHoles(memory) ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1),
      existed_(memory.Pages() / 64 + 1) {}

HoleMap::~HoleMap() {
  if (pagemap_fd_ >= 0) {
    close(pagemap_fd_);
  }
}

void HoleMap::NoteCut(size_t region_index, uint64_t from, uint64_t to) {
  const GuestRegion& region = memory_.Regions()[region_index];
  const uint64_t first = memory_.FirstPage(region_index);
  while (pagemap_fd_ >= 0 && region.holes_are_zero && from < to) {
    const size_t count = Scan(from, to, abi::kPageIsPresent | abi::kPageIsSwapped, &from);
    for (size_t i = 0; i < count; ++i) {
      const uint64_t end = first + (ranges_[i].end - region.address) / region.page_bytes;
      for (uint64_t page = first + (ranges_[i].start - region.address) / region.page_bytes; page < end;) {
        const uint64_t bits = std::min(end - page, 64 - page % 64);
        existed_[page / 64] |= (~uint64_t{0} >> (64 - bits)) << (page % 64);
        page += bits;
      }
    }
  }
}

HoleMap::Span HoleMap::At(size_t region_index, uint64_t page) {
  const GuestRegion& region = memory_.Regions()[region_index];
  const uint64_t first = memory_.FirstPage(region_index);
  const uint64_t end = memory_.EndPage(region_index);
  if (region.file_fd >= 0) {
    return InFile(region_index, page);
  }
  if (pagemap_fd_ < 0 || !region.holes_are_zero) {
    return {.end_page = end, .hole = false};
  }
  if (ExistedAtCut(page)) {
    return {.end_page = EndOfSame(page, std::min(end, page + kDataSpanPages)), .hole = false};
  }
  const uint64_t address = region.address + (page - first) * region.page_bytes;
  if ((address < known_from_ || address >= known_to_) && !Ask(region, address)) {
    return {.end_page = end, .hole = false};
  }
  const uint64_t never_there = EndOfSame(page, std::min(end, page + kHoleSpanPages));
  const auto page_at = [&](uint64_t at) { return first + (at - region.address) / region.page_bytes; };
  for (size_t i = 0; i < present_count_; ++i) {
    if (address < ranges_[i].start) {
      return {.end_page = std::min(never_there, page_at(ranges_[i].start)), .hole = true};
    }
    if (address < ranges_[i].end) {
      return {.end_page = std::min(never_there, page_at(ranges_[i].end)), .hole = false};
    }
  }
  return {.end_page = std::min(never_there, page_at(known_to_)), .hole = true};
}

/// An answer stays true: a hole whose page is filled later was claimed by the fault thread before.
HoleMap::Span HoleMap::InFile(size_t region_index, uint64_t page) {
  if (page >= file_from_ && page < file_span_.end_page) {
    return file_span_;
  }
  const GuestRegion& region = memory_.Regions()[region_index];
  const uint64_t first = memory_.FirstPage(region_index);
  const uint64_t end = memory_.EndPage(region_index);
  const auto offset = static_cast<off_t>((page - first) * region.page_bytes);
  const off_t data = lseek(region.file_fd, offset, SEEK_DATA);
  file_from_ = page;
  if (data < 0) {
    return file_span_ = {.end_page = end, .hole = errno == ENXIO};
  }
  const uint64_t data_page = first + static_cast<uint64_t>(data) / region.page_bytes;
  if (data_page > page) {
    return file_span_ = {.end_page = std::min(end, data_page), .hole = true};
  }
  const off_t hole = lseek(region.file_fd, data, SEEK_HOLE);
  const uint64_t hole_page =
      first + (static_cast<uint64_t>(hole) + region.page_bytes - 1) / region.page_bytes;
  return file_span_ = {.end_page = hole < 0 ? end : std::min(end, hole_page), .hole = false};
}

/// The end of the run of equal bits that starts at `page`.
uint64_t HoleMap::EndOfSame(uint64_t page, uint64_t end) {
  const uint64_t flip = ExistedAtCut(page) ? ~uint64_t{0} : 0;
  while (page < end) {
    const uint64_t differs = (existed_[page / 64] ^ flip) >> (page % 64);
    if (differs != 0) {
      return std::min(end, page + static_cast<uint64_t>(std::countr_zero(differs)));
    }
    page = (page / 64 + 1) * 64;
  }
  return end;
}

/// False: this kernel cannot tell; everything is data from now on.
bool HoleMap::Ask(const GuestRegion& region, uint64_t address) {
  known_from_ = address;
  present_count_ = Scan(address, std::min(region.address + region.size_bytes, address + kWindowBytes),
                        abi::kPageIsPresent, &known_to_);
  return pagemap_fd_ >= 0;
}

/// Fills ranges_ with what matches in [from, to), as far as it reaches; says in `walked_to` how far that was.
size_t HoleMap::Scan(uint64_t from, uint64_t to, uint64_t categories, uint64_t* walked_to) {
  abi::PmScanArg scan{};
  scan.size = sizeof scan;
  scan.start = from;
  scan.end = to;
  scan.vec = reinterpret_cast<uint64_t>(ranges_.data());
  scan.vec_len = kRanges;
  scan.category_anyof_mask = categories;
  scan.return_mask = abi::kPageIsPresent;
  const int count = ioctl(pagemap_fd_, abi::kIocPagemapScan, &scan);
  *walked_to = scan.walk_end;
  if (count < 0 || scan.walk_end <= from) {
    close(pagemap_fd_);
    pagemap_fd_ = -1;
    *walked_to = to;
    return 0;
  }
  return static_cast<size_t>(count);
}

}  // namespace stillframe

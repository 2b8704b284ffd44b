// What is being pictured: ranges of one address space, numbered as one line of pages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace stillframe {

struct GuestRegion {
  uint64_t address;     // in the address space of the uffd's owner
  uint64_t size_bytes;  // a multiple of page_bytes
  uint64_t page_bytes;  // what one fault and one claim cover
  /// Read through this descriptor of /proc/PID/mem instead of by a plain copy: memory of another process, or
  /// memory that may be unmapped under our feet, where a plain read would end this process with SIGSEGV. It
  /// stays bound to one address space, also when the process executes another program. -1: plain copy.
  int memory_fd;
  /// Not to be protected ahead of the cut: the kernel writes here for a thread that ends, and such a write
  /// does not wait but fails.
  bool only_at_cut;
  /// Private anonymous memory: an address without a page reads as zeros, so holes need not be read.
  bool holes_are_zero;
  /// Shared memory of a file, of which the region is the beginning: it is read from there, and where the file
  /// has no data there are zeros. Only with a memory_fd. -1: not known.
  int file_fd = -1;
};

/// A position in the line of pages of all regions.
struct PagePlace {
  size_t region;
  uint64_t address;
  uint64_t page_bytes;
};

enum class ReadResult : uint8_t {
  kOk,
  kUnmapped,  // nothing is mapped there any more
  kGone,      // the address space is gone: its process ended, or executes another program
};

class GuestMemory {
 public:
  /// Throws std::invalid_argument for no region, one that is not page-aligned, or ones that overlap.
  explicit GuestMemory(std::vector<GuestRegion> regions);

  const std::vector<GuestRegion>& Regions() const { return regions_; }
  uint64_t Pages() const { return first_pages_.back(); }
  uint64_t Bytes() const { return bytes_; }
  uint64_t LargestPageBytes() const { return largest_page_bytes_; }
  uint64_t FirstPage(size_t region) const { return first_pages_[region]; }
  uint64_t EndPage(size_t region) const { return first_pages_[region + 1]; }

  size_t RegionOf(uint64_t page) const;
  PagePlace Place(uint64_t page) const;
  std::optional<uint64_t> PageAt(uint64_t address) const;

  /// Pages that overlap [start, end), as half-open spans of the line; at most one for each region.
  template <typename Visit>
  void ForOverlap(uint64_t start, uint64_t end, Visit visit) const {
    for (size_t i = 0; i < regions_.size(); ++i) {
      const GuestRegion& region = regions_[i];
      const uint64_t from = start > region.address ? start : region.address;
      const uint64_t region_end = region.address + region.size_bytes;
      const uint64_t to = end < region_end ? end : region_end;
      if (from < to) {
        visit(first_pages_[i] + (from - region.address) / region.page_bytes,
              first_pages_[i] + (to - region.address + region.page_bytes - 1) / region.page_bytes);
      }
    }
  }

  /// Copies bytes of one region to `out`. Cannot fail without a memory_fd.
  static ReadResult Read(const GuestRegion& region, uint64_t address, uint8_t* out, size_t bytes);

 private:
  std::vector<GuestRegion> regions_;
  std::vector<uint64_t> first_pages_;  // regions_.size() + 1 entries
  std::vector<uint32_t> by_address_;   // region indices, sorted by address
  uint64_t bytes_ = 0;
  uint64_t largest_page_bytes_ = 4096;
};

}  // namespace stillframe

// Where memory had no pages at the cut, so that holes are never read. For private anonymous memory this is
// known from PAGEMAP_SCAN (Linux 6.7), for shared memory from its file.
//
// Of a file, every process that has it may have filled a page, so page tables tell nothing. It is asked after
// arming: what is a hole now was one at the cut, because the first write to it would have waited for us. What
// is none is read, whoever filled it meanwhile.
//
// Arming leaves a marker in every hole (UFFD_FEATURE_WP_UNPOPULATED), which the kernel then reports like a
// swapped page. So the pages that exist are noted just before arming, while the guest is paused, and a hole
// is what was not noted and is still not present. A guest that is not paused may fill a page between the two
// steps: it is present then, and so it is read. A hole of the cut stays zero until its first write, which is
// a fault: whoever wins the claim of a hole may call it zero.
#pragma once

#include <array>
#include <cstdint>

#include "core/guest_memory.h"
#include "core/slab_lists.h"
#include "kernel/abi.h"

namespace stillframe {

class HoleMap {
 public:
  explicit HoleMap(const GuestMemory& memory);
  ~HoleMap();
  HoleMap(const HoleMap&) = delete;
  HoleMap& operator=(const HoleMap&) = delete;

  /// Notes which pages of the region in [from, to) exist. Called right before they are armed.
  void NoteCut(size_t region_index, uint64_t from, uint64_t to);

  struct Span {
    uint64_t end_page;  // the answer holds for [page, end_page)
    bool hole;
  };
  /// Where the kernel cannot tell, everything is data.
  Span At(size_t region_index, uint64_t page);

 private:
  static constexpr size_t kRanges = 256;
  // Bounds the walk of one question at sweep time: 1 GiB of holes takes a fraction of a millisecond.
  static constexpr uint64_t kWindowBytes = uint64_t{1} << 30;

  // Bound the walk over the bits for one answer: a few slabs of data, a GiB and more of holes. The next
  // question goes on from there.
  static constexpr uint64_t kDataSpanPages = 1024;
  static constexpr uint64_t kHoleSpanPages = uint64_t{1} << 20;

  size_t Scan(uint64_t from, uint64_t to, uint64_t categories, uint64_t* walked_to);
  bool Ask(const GuestRegion& region, uint64_t address);
  bool ExistedAtCut(uint64_t page) { return (existed_[page / 64] >> (page % 64) & 1) != 0; }
  uint64_t EndOfSame(uint64_t page, uint64_t end);
  Span InFile(size_t region_index, uint64_t page);

  const GuestMemory& memory_;
  int pagemap_fd_;
  LazyArray<uint64_t> existed_;  // one bit a page
  std::array<abi::PageRegion, kRanges> ranges_{};
  // What is present now: [known_from_, known_to_) of the address space, with the first `present_count_` of
  // ranges_ in it, in order.
  uint64_t known_from_ = 0;
  uint64_t known_to_ = 0;
  size_t present_count_ = 0;
  // The last answer of a file: it holds for the pages in [file_from_, file_span_.end_page).
  uint64_t file_from_ = 0;
  Span file_span_{.end_page = 0, .hole = false};
};

}  // namespace stillframe

// One bit a page: written since it was last asked about. One thread at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace stillframe {

class DirtyBitmap {
 public:
  explicit DirtyBitmap(uint64_t pages) : pages_(pages), words_((pages + kBits - 1) / kBits) {}

  uint64_t Pages() const { return pages_; }

  void Set(uint64_t page) { words_[page / kBits] |= uint64_t{1} << page % kBits; }

  void Set(uint64_t first, uint64_t past) { Change<true>(first, past); }
  void Clear(uint64_t first, uint64_t past) { Change<false>(first, past); }

  bool Has(uint64_t page) const { return (words_[page / kBits] >> page % kBits & 1) != 0; }

  /// Written pages.
  uint64_t Count() const {
    uint64_t count = 0;
    for (const uint64_t word : words_) {
      count += static_cast<uint64_t>(std::popcount(word));
    }
    return count;
  }

  /// The first page at or after `page` that is written, or clean; `past` when there is none before it.
  uint64_t Find(bool written, uint64_t page, uint64_t past) const {
    while (page < past) {
      const uint64_t word = written ? words_[page / kBits] : ~words_[page / kBits];
      const uint64_t rest = word >> page % kBits;
      if (rest != 0) {
        page += static_cast<uint64_t>(std::countr_zero(rest));
        return page < past ? page : past;
      }
      page = (page / kBits + 1) * kBits;
    }
    return past;
  }

  /// Runs of written pages in [first, past), as half-open spans, ascending.
  template <typename Visit>
  void ForRuns(uint64_t first, uint64_t past, Visit visit) const {
    for (uint64_t page = Find(true, first, past); page < past;) {
      const uint64_t end = Find(false, page, past);
      visit(page, end);
      page = Find(true, end, past);
    }
  }

 private:
  static constexpr uint64_t kBits = 64;

  template <bool kWritten>
  void Change(uint64_t first, uint64_t past) {
    while (first < past) {
      const uint64_t end = past < (first / kBits + 1) * kBits ? past : (first / kBits + 1) * kBits;
      const uint64_t ones = end - first == kBits ? ~uint64_t{0} : (uint64_t{1} << (end - first)) - 1;
      if constexpr (kWritten) {
        words_[first / kBits] |= ones << first % kBits;
      } else {
        words_[first / kBits] &= ~(ones << first % kBits);
      }
      first = end;
    }
  }

  uint64_t pages_;
  std::vector<uint64_t> words_;
};

}  // namespace stillframe

// Log-linear histogram of nanoseconds: 16 buckets for each power of two, so that a percentile is right to 6
// %.
//
// Value v < 16 is in bucket v; otherwise, with e = floor(log2 v), in bucket (e - 3) * 16 + ((v >> (e - 4)) &
// 15). Recording is wait-free and allocates nothing; reading gives each bucket as of some recent moment.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace stillframe {

class WaitHistogram {
 public:
  static constexpr size_t kBuckets = 64 * 16;

  static constexpr size_t BucketOf(uint64_t nanoseconds) {
    if (nanoseconds < 16) {
      return static_cast<size_t>(nanoseconds);
    }
    const auto exponent = static_cast<unsigned>(std::bit_width(nanoseconds)) - 1;
    return (exponent - 3) * size_t{16} + ((nanoseconds >> (exponent - 4)) & 15);
  }

  void Record(int64_t nanoseconds) {
    const uint64_t value = nanoseconds > 0 ? static_cast<uint64_t>(nanoseconds) : 0;
    counts_[BucketOf(value)].fetch_add(1, std::memory_order_relaxed);
    uint64_t longest = longest_.load(std::memory_order_relaxed);
    while (value > longest && !longest_.compare_exchange_weak(longest, value, std::memory_order_relaxed)) {
    }
  }

  uint64_t Count(size_t bucket) const { return counts_[bucket].load(std::memory_order_relaxed); }
  uint64_t Longest() const { return longest_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<uint64_t>, kBuckets> counts_{};
  std::atomic<uint64_t> longest_{0};
};

}  // namespace stillframe

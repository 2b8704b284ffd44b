#include "core/zero_scan.h"

#include "core/load.h"

namespace stillframe::codec {
namespace {

/// Looked at between two decisions to stop: long enough for the vector unit, short enough to leave a data
/// page at once.
constexpr size_t kStrideBytes = 256;

/// Plain 64-bit words: every compiler in use turns the inner loop into vector instructions of the baseline.
inline bool IsZero(const uint8_t* bytes, size_t size) {
  for (; size >= kStrideBytes; bytes += kStrideBytes, size -= kStrideBytes) {
    uint64_t any = 0;
    for (size_t i = 0; i < kStrideBytes; i += 8) any |= LoadU64(bytes + i);
    if (any != 0) return false;
  }
  uint64_t any = 0;
  for (; size > 0; bytes += 8, size -= 8) any |= LoadU64(bytes);
  return any == 0;
}

}  // namespace

size_t FindZeroRuns(const uint8_t* pages, size_t page_bytes, size_t page_count, uint32_t* run_lengths) {
  size_t entries = 0;
  uint32_t length = 0;
  bool zero = false;
  for (size_t page = 0; page < page_count; ++page, pages += page_bytes) {
    if (IsZero(pages, page_bytes) != zero) {
      run_lengths[entries++] = length;
      length = 0;
      zero = !zero;
    }
    ++length;
  }
  if (page_count > 0) run_lengths[entries++] = length;
  return entries;
}

}  // namespace stillframe::codec

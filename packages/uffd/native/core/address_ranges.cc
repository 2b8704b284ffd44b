#include "core/address_ranges.h"

#include <algorithm>

namespace stillframe {

AddressRanges Joined(AddressRanges ranges, uint64_t gap_bytes) {
  std::sort(ranges.begin(), ranges.end(),
            [](const AddressRange& a, const AddressRange& b) { return a.start < b.start; });
  AddressRanges joined;
  for (const AddressRange& range : ranges) {
    if (range.start >= range.end) {
      continue;
    }
    if (!joined.empty() && range.start <= joined.back().end + gap_bytes) {
      joined.back().end = std::max(joined.back().end, range.end);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

AddressRanges Subtract(const AddressRanges& from, const AddressRanges& without) {
  AddressRanges left;
  size_t next = 0;
  for (const AddressRange& range : from) {
    uint64_t at = range.start;
    while (next < without.size() && without[next].end <= at) {
      ++next;
    }
    for (size_t i = next; i < without.size() && without[i].start < range.end; ++i) {
      if (without[i].start > at) {
        left.push_back({.start = at, .end = without[i].start});
      }
      at = std::max(at, without[i].end);
    }
    if (at < range.end) {
      left.push_back({.start = at, .end = range.end});
    }
  }
  return left;
}

AddressRanges Intersect(const AddressRanges& one, const AddressRanges& other) {
  AddressRanges both;
  for (size_t i = 0, k = 0; i < one.size() && k < other.size();) {
    const uint64_t start = std::max(one[i].start, other[k].start);
    const uint64_t end = std::min(one[i].end, other[k].end);
    if (start < end) {
      both.push_back({.start = start, .end = end});
    }
    if (one[i].end < other[k].end) {
      ++i;
    } else {
      ++k;
    }
  }
  return both;
}

}  // namespace stillframe

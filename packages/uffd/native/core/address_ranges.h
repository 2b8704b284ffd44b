// Sets of address ranges: half-open, sorted, none overlaps another.
#pragma once

#include <cstdint>
#include <vector>

namespace stillframe {

struct AddressRange {
  uint64_t start;
  uint64_t end;

  bool operator==(const AddressRange&) const = default;
};

using AddressRanges = std::vector<AddressRange>;

/// Sorts, and joins those that overlap, touch, or have a gap of at most `gap_bytes` between them.
AddressRanges Joined(AddressRanges ranges, uint64_t gap_bytes = 0);

/// What of `from` is not in `without`.
AddressRanges Subtract(const AddressRanges& from, const AddressRanges& without);

/// What is in both, cut where either is.
AddressRanges Intersect(const AddressRanges& one, const AddressRanges& other);

}  // namespace stillframe

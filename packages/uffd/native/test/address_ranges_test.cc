// The arithmetic of ranges, against the obvious model: one flag for each address.
#include <array>
#include <cstdint>
#include <string>

#include "core/address_ranges.h"
#include "test/check.h"

namespace stillframe::test {

namespace {

constexpr uint64_t kEnd = 48;
using Model = std::array<bool, kEnd>;

struct Random {
  uint64_t state;
  uint64_t Below(uint64_t bound) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % bound;
  }
};

AddressRanges SomeRanges(Random& random) {
  AddressRanges ranges;
  for (uint64_t i = random.Below(6); i > 0; --i) {
    const uint64_t start = random.Below(kEnd);
    ranges.push_back({.start = start, .end = start + random.Below(kEnd - start + 1)});
  }
  return ranges;
}

Model ModelOf(const AddressRanges& ranges) {
  Model model{};
  for (const AddressRange& range : ranges) {
    for (uint64_t at = range.start; at < range.end; ++at) {
      model[at] = true;
    }
  }
  return model;
}

void ExpectSorted(const AddressRanges& ranges) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    Expect(ranges[i].start < ranges[i].end, "an empty range");
    Expect(i == 0 || ranges[i - 1].end <= ranges[i].start, "ranges out of order");
  }
}

}  // namespace

STILLFRAME_TEST(ranges_are_what_the_model_says) {
  Random random{.state = 88172645463325252};
  for (int round = 0; round < 20'000; ++round) {
    const AddressRanges some = SomeRanges(random);
    const AddressRanges one = Joined(some);
    const AddressRanges other = Joined(SomeRanges(random));
    const AddressRanges difference = Subtract(one, other);
    const AddressRanges both = Intersect(one, other);
    ExpectSorted(one);
    ExpectSorted(difference);
    ExpectSorted(both);
    const Model in_one = ModelOf(one);
    const Model in_other = ModelOf(other);
    Expect(in_one == ModelOf(some), "joining changed the set");
    const Model in_difference = ModelOf(difference);
    const Model in_both = ModelOf(both);
    for (uint64_t at = 0; at < kEnd; ++at) {
      Expect(in_difference[at] == (in_one[at] && !in_other[at]), "difference at " + std::to_string(at));
      Expect(in_both[at] == (in_one[at] && in_other[at]), "intersection at " + std::to_string(at));
    }
  }
}

STILLFRAME_TEST(ranges_join_over_small_gaps_only) {
  const AddressRanges joined =
      Joined({{.start = 30, .end = 40}, {.start = 0, .end = 10}, {.start = 15, .end = 20}}, 5);
  Expect(joined == AddressRanges{{.start = 0, .end = 20}, {.start = 30, .end = 40}}, "gaps of 5 and 10");
}

}  // namespace stillframe::test

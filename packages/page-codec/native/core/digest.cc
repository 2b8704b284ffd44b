#include "core/digest.h"

#include "core/polynomial.h"

namespace stillframe::codec {
namespace {

/// CRC32C of kUnitBytes zeros.
constexpr uint32_t kZeroUnitCrc = 0x98f94189;
static_assert(kZeroUnitCrc == ~Multiply(PowerOfX(8 * kUnitBytes), 0xffffffff));

/// Keeps unit 0 away from Mix64's fixed point: 2^64 divided by the golden ratio.
constexpr uint64_t kUnitOffset = 0x9e3779b97f4a7c15;

/// The finaliser of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014).
constexpr uint64_t Mix64(uint64_t z) {
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

}  // namespace

uint64_t UnitTerm(uint32_t region, uint64_t unit, uint32_t crc) {
  if (crc == kZeroUnitCrc) return 0;
  return Mix64(Mix64(unit ^ kUnitOffset) ^ (uint64_t{region} << 32 | crc));
}

RunDigest DigestRun(const Implementation& implementation, uint32_t seed, uint32_t region, uint64_t first_unit,
                    const uint8_t* pages, size_t unit_count) {
  RunDigest run{seed, 0};
  for (size_t i = 0; i < unit_count; ++i) {
    const uint32_t crc = implementation.crc32c_unit(pages + i * kUnitBytes);
    run.crc32c = Shift<kUnitBytes>(run.crc32c) ^ crc;
    run.digest += UnitTerm(region, first_unit + i, crc);
  }
  return run;
}

RunDigest DigestPages(const Implementation& implementation, uint32_t seed, uint32_t region,
                      uint64_t first_unit, const uint8_t* pages, size_t page_count, size_t units_per_page,
                      uint32_t* terms) {
  RunDigest all{seed, 0};
  for (size_t page = 0; page < page_count; ++page) {
    const size_t unit = page * units_per_page;
    const RunDigest one = DigestRun(implementation, all.crc32c, region, first_unit + unit,
                                    pages + unit * kUnitBytes, units_per_page);
    all.crc32c = one.crc32c;
    all.digest += one.digest;
    terms[2 * page] = static_cast<uint32_t>(one.digest);
    terms[2 * page + 1] = static_cast<uint32_t>(one.digest >> 32);
  }
  return all;
}

}  // namespace stillframe::codec

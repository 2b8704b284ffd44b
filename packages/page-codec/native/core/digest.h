// The content digest of an image and the CRC of a run, in one pass over its bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/implementation.h"

namespace stillframe::codec {

struct RunDigest {
  /// CRC32C of the run, continuing from the seed.
  uint32_t crc32c;
  /// What the run adds to the digest: the sum of its units' terms modulo 2^64.
  uint64_t digest;
};

/// The term of one unit: `crc` is the CRC32C of its kUnitBytes bytes alone. 0 when that is the CRC of a unit
/// of zeros. Definition: FORMAT.md of @stillframe/page-stream, "Image digest".
uint64_t UnitTerm(uint32_t region, uint64_t unit, uint32_t crc);

/// `pages` is `unit_count` units, the first of them unit `first_unit` of `region`.
RunDigest DigestRun(const Implementation& implementation, uint32_t seed, uint32_t region, uint64_t first_unit,
                    const uint8_t* pages, size_t unit_count);

/// Also tells what each page of `units_per_page` units adds: two words a page into `terms`, the low half
/// first.
RunDigest DigestPages(const Implementation& implementation, uint32_t seed, uint32_t region,
                      uint64_t first_unit, const uint8_t* pages, size_t page_count, size_t units_per_page,
                      uint32_t* terms);

}  // namespace stillframe::codec

#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace stillframe::codec {

static_assert(std::endian::native == std::endian::little, "words are read as the wire has them");

/// A load of any alignment.
inline uint64_t LoadU64(const uint8_t* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

}  // namespace stillframe::codec

// CRC32C for processors without CRC instructions: eight bytes a step through eight tables ("slicing by 8", M.
// Kounavis and F. Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation", 2008).
#include <array>

#include "core/crc32c.h"
#include "core/implementation.h"
#include "core/load.h"
#include "core/polynomial.h"

namespace stillframe::codec {
namespace {

using Tables = std::array<std::array<uint32_t, 256>, 8>;

/// tables[k][v]: the state after byte v followed by k zero bytes.
constexpr Tables MakeTables() {
  Tables tables{};
  for (size_t k = 0; k < tables.size(); ++k) {
    const uint32_t factor = PowerOfX(8 * (k + 1));
    for (uint32_t v = 0; v < 256; ++v) tables[k][v] = Multiply(factor, v);
  }
  return tables;
}
constexpr Tables kTables = MakeTables();

uint32_t Step8(uint32_t state, const uint8_t* bytes) {
  const uint64_t word = LoadU64(bytes) ^ state;
  uint32_t next = 0;
  for (size_t i = 0; i < 8; ++i) next ^= kTables[7 - i][word >> (8 * i) & 0xff];
  return next;
}

}  // namespace

uint32_t Crc32cPortable(uint32_t seed, const uint8_t* bytes, size_t size) {
  uint32_t state = ~seed;
  for (; size >= 8; bytes += 8, size -= 8) state = Step8(state, bytes);
  for (; size > 0; ++bytes, --size) state = state >> 8 ^ kTables[0][(state ^ *bytes) & 0xff];
  return ~state;
}

uint32_t Crc32cUnitPortable(const uint8_t* bytes) { return Crc32cPortable(0, bytes, kUnitBytes); }

}  // namespace stillframe::codec

// CRC32C with the ARMv8 CRC32 extension: three lanes of a block side by side, because one chain is bound by
// the latency of the instruction; tables join the lanes, so that no further extension is needed.
#if defined(__aarch64__)
#include <arm_acle.h>

#include "core/crc32c.h"
#include "core/implementation.h"
#include "core/load.h"
#include "core/polynomial.h"

#define ARM64_CRC __attribute__((target("+crc")))

namespace stillframe::codec {
namespace {

/// Three lanes and two words more make a unit.
constexpr size_t kLaneBytes = 1360;
static_assert(3 * kLaneBytes + 16 == kUnitBytes);

ARM64_CRC inline uint32_t Unit(uint32_t state, const uint8_t* bytes) {
  uint32_t a = state;
  uint32_t b = 0;
  uint32_t c = 0;
  for (size_t i = 0; i < kLaneBytes; i += 8) {
    a = __crc32cd(a, LoadU64(bytes + i));
    b = __crc32cd(b, LoadU64(bytes + kLaneBytes + i));
    c = __crc32cd(c, LoadU64(bytes + 2 * kLaneBytes + i));
  }
  state = Shift<2 * kLaneBytes>(a) ^ Shift<kLaneBytes>(b) ^ c;
  state = __crc32cd(state, LoadU64(bytes + 3 * kLaneBytes));
  return __crc32cd(state, LoadU64(bytes + 3 * kLaneBytes + 8));
}

}  // namespace

ARM64_CRC uint32_t Crc32cArm64(uint32_t seed, const uint8_t* bytes, size_t size) {
  uint32_t state = ~seed;
  for (; size >= kUnitBytes; bytes += kUnitBytes, size -= kUnitBytes) state = Unit(state, bytes);
  for (; size >= 8; bytes += 8, size -= 8) state = __crc32cd(state, LoadU64(bytes));
  for (; size > 0; ++bytes, --size) state = __crc32cb(state, *bytes);
  return ~state;
}

ARM64_CRC uint32_t Crc32cUnitArm64(const uint8_t* bytes) { return ~Unit(0xffffffff, bytes); }

}  // namespace stillframe::codec
#endif

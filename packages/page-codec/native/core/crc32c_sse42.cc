// CRC32C with the SSE4.2 instruction. One chain of it is bound by its latency of three cycles, so three lanes
// of a block run side by side and a carry-less multiplication joins them (V. Gopal et al., "Fast CRC
// Computation for iSCSI Polynomial Using CRC32 Instruction", Intel, 2011).
#if defined(__x86_64__)
#include <immintrin.h>

#include "core/crc32c.h"
#include "core/implementation.h"
#include "core/load.h"
#include "core/polynomial.h"

#define SSE42 __attribute__((target("sse4.2,pclmul")))

namespace stillframe::codec {
namespace {

/// Lanes of a unit: three of them and two words more make 4096 bytes.
constexpr size_t kLongLaneBytes = 1360;
/// Lanes for what is left below a unit; shorter ones cost more to join than they save.
constexpr size_t kShortLaneBytes = 128;
static_assert(3 * kLongLaneBytes + 16 == kUnitBytes);

/// crc · x^(8 · kBytes), not yet reduced: feeding the result to a CRC instruction with state 0 reduces it.
/// The exponent makes up for the x^32 of that instruction and the x^1 that a product of reflected words is
/// short of.
template <size_t kBytes>
SSE42 inline uint64_t ShiftUnreduced(uint64_t crc) {
  constexpr uint32_t factor = PowerOfX(8 * kBytes - 33);
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<int64_t>(crc)),
                                               _mm_cvtsi64_si128(int64_t{factor}), 0x00);
  return static_cast<uint64_t>(_mm_cvtsi128_si64(product));
}

/// The block after this one. Three streams in one page are more than hardware prefetchers follow: without it,
/// memory that is not in the cache comes at a third of the speed. Beyond the end it is harmless: it neither
/// faults nor writes.
inline void Prefetch(const uint8_t* bytes, size_t offset) {
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(bytes) + offset));
}

template <size_t kLaneBytes>
SSE42 inline uint64_t ThreeLanes(uint64_t state, const uint8_t* bytes) {
  static_assert(kLaneBytes % 8 == 0);
  uint64_t a = state;
  uint64_t b = 0;
  uint64_t c = 0;
  for (size_t i = 0; i < kLaneBytes; i += 8) {
    Prefetch(bytes, 3 * kLaneBytes + 3 * i);
    a = _mm_crc32_u64(a, LoadU64(bytes + i));
    b = _mm_crc32_u64(b, LoadU64(bytes + kLaneBytes + i));
    c = _mm_crc32_u64(c, LoadU64(bytes + 2 * kLaneBytes + i));
  }
  return _mm_crc32_u64(0, ShiftUnreduced<2 * kLaneBytes>(a) ^ ShiftUnreduced<kLaneBytes>(b)) ^ c;
}

SSE42 inline uint64_t Unit(uint64_t state, const uint8_t* bytes) {
  state = ThreeLanes<kLongLaneBytes>(state, bytes);
  state = _mm_crc32_u64(state, LoadU64(bytes + 3 * kLongLaneBytes));
  return _mm_crc32_u64(state, LoadU64(bytes + 3 * kLongLaneBytes + 8));
}

}  // namespace

SSE42 uint32_t Crc32cSse42(uint32_t seed, const uint8_t* bytes, size_t size) {
  uint64_t state = static_cast<uint32_t>(~seed);
  for (; size >= kUnitBytes; bytes += kUnitBytes, size -= kUnitBytes) state = Unit(state, bytes);
  for (; size >= 3 * kShortLaneBytes; bytes += 3 * kShortLaneBytes, size -= 3 * kShortLaneBytes) {
    state = ThreeLanes<kShortLaneBytes>(state, bytes);
  }
  for (; size >= 8; bytes += 8, size -= 8) state = _mm_crc32_u64(state, LoadU64(bytes));
  auto narrow = static_cast<uint32_t>(state);
  for (; size > 0; ++bytes, --size) narrow = _mm_crc32_u8(narrow, *bytes);
  return ~narrow;
}

SSE42 uint32_t Crc32cUnitSse42(const uint8_t* bytes) {
  return ~static_cast<uint32_t>(Unit(uint32_t{0xffffffff}, bytes));
}

}  // namespace stillframe::codec
#endif

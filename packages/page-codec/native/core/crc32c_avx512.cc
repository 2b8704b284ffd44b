// CRC32C by folding: the message, 256 bytes a step, is multiplied down to 16 bytes with the same remainder
// (V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009),
// four products an instruction.
#if defined(__x86_64__)
#include <immintrin.h>

#include "core/crc32c.h"
#include "core/implementation.h"
#include "core/polynomial.h"

#define AVX512 __attribute__((target("avx512f,vpclmulqdq,pclmul,sse4.2")))

namespace stillframe::codec {
namespace {

/// Four registers of 64 bytes.
constexpr size_t kBlockBytes = 256;

/// Multipliers that move a 16-byte word over `bits` bits. Its low half holds the higher powers, hence 64 more
/// for it; a product of reflected words is short of one x, hence 1 less for both.
constexpr int64_t LowFactor(uint64_t bits) {
  return static_cast<int64_t>(uint64_t{PowerOfX(bits + 63)} << 32);
}
constexpr int64_t HighFactor(uint64_t bits) {
  return static_cast<int64_t>(uint64_t{PowerOfX(bits - 1)} << 32);
}
template <uint64_t kBits>
AVX512 inline __m512i FoldingBy() {
  constexpr int64_t low = LowFactor(kBits);
  constexpr int64_t high = HighFactor(kBits);
  return _mm512_set_epi64(high, low, high, low, high, low, high, low);
}

/// Each 16-byte word of x moved on by the factors' distance, plus `next`.
AVX512 inline __m512i Fold(__m512i x, __m512i factors, __m512i next) {
  const __m512i low = _mm512_clmulepi64_epi128(x, factors, 0x00);
  const __m512i high = _mm512_clmulepi64_epi128(x, factors, 0x11);
  return _mm512_ternarylogic_epi64(low, high, next, 0x96);  // exclusive or of three
}

AVX512 inline __m512i Load(const uint8_t* bytes) { return _mm512_loadu_si512(bytes); }

/// The zero-masking form, because GCC 12 warns of an uninitialised value inside its own definition of the
/// plain one.
template <int kIndex>
AVX512 inline __m128i Word(__m512i x) {
  return _mm512_maskz_extracti32x4_epi32(0xf, x, kIndex);
}

/// The four words of a register, at 48, 32, 16 and 0 bytes from its end, as one word; then its CRC.
AVX512 inline uint32_t Reduce(__m512i x) {
  constexpr int64_t l3 = LowFactor(384);
  constexpr int64_t h3 = HighFactor(384);
  constexpr int64_t l2 = LowFactor(256);
  constexpr int64_t h2 = HighFactor(256);
  constexpr int64_t l1 = LowFactor(128);
  constexpr int64_t h1 = HighFactor(128);
  // The last word has no factors: its products are zero, and it is added as it is.
  const __m512i factors = _mm512_set_epi64(0, 0, h1, l1, h2, l2, h3, l3);
  const __m512i last = _mm512_maskz_mov_epi64(0xc0, x);
  const __m512i folded = Fold(x, factors, last);
  const __m128i word = _mm_xor_si128(_mm_xor_si128(Word<0>(folded), Word<1>(folded)),
                                     _mm_xor_si128(Word<2>(folded), Word<3>(folded)));
  const uint64_t half = _mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(word)));
  return static_cast<uint32_t>(_mm_crc32_u64(half, static_cast<uint64_t>(_mm_extract_epi64(word, 1))));
}

/// Raw state after `blocks` (at least one) blocks.
AVX512 inline __attribute__((always_inline)) uint32_t Blocks(uint32_t state, const uint8_t* bytes,
                                                             size_t blocks) {
  const __m512i by256 = FoldingBy<8 * kBlockBytes>();
  __m512i a =
      _mm512_xor_si512(Load(bytes), _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(state))));
  __m512i b = Load(bytes + 64);
  __m512i c = Load(bytes + 128);
  __m512i d = Load(bytes + 192);
  for (size_t i = 1; i < blocks; ++i) {
    bytes += kBlockBytes;
    a = Fold(a, by256, Load(bytes));
    b = Fold(b, by256, Load(bytes + 64));
    c = Fold(c, by256, Load(bytes + 128));
    d = Fold(d, by256, Load(bytes + 192));
  }
  const __m512i ab = Fold(a, FoldingBy<512>(), b);
  const __m512i cd = Fold(c, FoldingBy<512>(), d);
  return Reduce(Fold(ab, FoldingBy<1024>(), cd));
}

}  // namespace

AVX512 uint32_t Crc32cAvx512(uint32_t seed, const uint8_t* bytes, size_t size) {
  const size_t blocks = size / kBlockBytes;
  if (blocks == 0) return Crc32cSse42(seed, bytes, size);
  const uint32_t state = Blocks(~seed, bytes, blocks);
  return Crc32cSse42(~state, bytes + blocks * kBlockBytes, size % kBlockBytes);
}

AVX512 uint32_t Crc32cUnitAvx512(const uint8_t* bytes) {
  return ~Blocks(0xffffffff, bytes, kUnitBytes / kBlockBytes);
}

}  // namespace stillframe::codec
#endif

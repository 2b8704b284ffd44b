// Arithmetic modulo the Castagnoli polynomial, at compile time: the constants that join and fold partial
// CRCs.
//
// A polynomial of degree below 32 is kept bit-reflected, as CRC32C itself is: bit i of the word is the
// coefficient of x^(31 - i). Source: "CRC32C" in RFC 3720 §12.1 and appendix B.4; V. Gopal et al., "Fast CRC
// Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009), whose method the folding
// follows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace stillframe::codec {

inline constexpr uint32_t kCastagnoli = 0x82f63b78;

/// a · b mod P.
constexpr uint32_t Multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = 0x80000000; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b >> 1) ^ ((b & 1) != 0 ? kCastagnoli : 0);  // b · x
  }
  return product;
}

/// x^exponent mod P.
constexpr uint32_t PowerOfX(uint64_t exponent) {
  uint32_t result = 0x80000000;  // x^0
  uint32_t square = 0x40000000;  // x^1
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = Multiply(result, square);
    square = Multiply(square, square);
  }
  return result;
}

static_assert(PowerOfX(32) == kCastagnoli);

/// What following a CRC by `kBytes` more bytes does to it, as four table look-ups:
/// crc(A ‖ B) = Shift<|B|>(crc(A)) ^ crc(B).
template <size_t kBytes>
struct ShiftTable {
  std::array<std::array<uint32_t, 256>, 4> rows{};

  constexpr ShiftTable() {
    constexpr uint32_t factor = PowerOfX(8 * uint64_t{kBytes});
    for (size_t row = 0; row < rows.size(); ++row) {
      for (size_t bit = 0; bit < 8; ++bit) {
        const uint32_t term = Multiply(factor, uint32_t{1} << (8 * row + bit));
        // Linear: the entry for a value is the sum of the entries for its bits.
        for (size_t value = size_t{1} << bit; value < size_t{2} << bit; ++value) {
          rows[row][value] = rows[row][value - (size_t{1} << bit)] ^ term;
        }
      }
    }
  }
};

template <size_t kBytes>
inline uint32_t Shift(uint32_t crc) {
  static constexpr ShiftTable<kBytes> table;
  return table.rows[0][crc & 0xff] ^ table.rows[1][crc >> 8 & 0xff] ^ table.rows[2][crc >> 16 & 0xff] ^
         table.rows[3][crc >> 24];
}

/// The same for a length that is known only at run time, below 2^32: one multiplication for each bit of it.
inline uint32_t AppendCrc(uint32_t crc, uint32_t tail_crc, uint32_t tail_bytes) {
  static constexpr std::array<uint32_t, 32> kPowers = [] {
    std::array<uint32_t, 32> powers{};
    for (size_t bit = 0; bit < powers.size(); ++bit) powers[bit] = PowerOfX(uint64_t{8} << bit);
    return powers;
  }();
  for (size_t bit = 0; tail_bytes != 0; ++bit, tail_bytes >>= 1) {
    if ((tail_bytes & 1) != 0) crc = Multiply(kPowers[bit], crc);
  }
  return crc ^ tail_crc;
}

}  // namespace stillframe::codec

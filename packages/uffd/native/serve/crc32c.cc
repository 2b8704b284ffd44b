#include "serve/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace stillframe {
namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;  // reflected

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    }
    table[byte] = crc;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

uint64_t Word(const unsigned char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

#if defined(__x86_64__)
bool HasInstruction() { return __builtin_cpu_supports("sse4.2") != 0; }
__attribute__((target("sse4.2"))) uint32_t ByInstruction(const unsigned char* at, size_t size_bytes) {
  uint64_t crc = 0xFFFFFFFF;
  for (; size_bytes >= 8; size_bytes -= 8, at += 8) {
    crc = _mm_crc32_u64(crc, Word(at));
  }
  auto rest = static_cast<uint32_t>(crc);
  for (; size_bytes > 0; --size_bytes, ++at) {
    rest = _mm_crc32_u8(rest, *at);
  }
  return ~rest;
}
#elif defined(__aarch64__)
bool HasInstruction() { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
__attribute__((target("+crc"))) uint32_t ByInstruction(const unsigned char* at, size_t size_bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (; size_bytes >= 8; size_bytes -= 8, at += 8) {
    crc = __crc32cd(crc, Word(at));
  }
  for (; size_bytes > 0; --size_bytes, ++at) {
    crc = __crc32cb(crc, *at);
  }
  return ~crc;
}
#endif

}  // namespace

uint32_t Crc32cByTable(const void* bytes, size_t size_bytes) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  uint32_t crc = 0xFFFFFFFF;
  for (; size_bytes > 0; --size_bytes, ++at) {
    crc = (crc >> 8) ^ kTable[(crc ^ *at) & 0xFF];
  }
  return ~crc;
}

uint32_t Crc32c(const void* bytes, size_t size_bytes) {
  static const bool has_instruction = HasInstruction();
  return has_instruction ? ByInstruction(static_cast<const unsigned char*>(bytes), size_bytes)
                         : Crc32cByTable(bytes, size_bytes);
}

}  // namespace stillframe

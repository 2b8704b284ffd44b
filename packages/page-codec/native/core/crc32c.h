// CRC32C, one pair of functions per instruction set; `implementation.h` says what they compute and which may
// be called here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stillframe::codec {

uint32_t Crc32cPortable(uint32_t seed, const uint8_t* bytes, size_t size);
uint32_t Crc32cUnitPortable(const uint8_t* bytes);

#if defined(__x86_64__)
/// Needs SSE4.2 and PCLMULQDQ.
uint32_t Crc32cSse42(uint32_t seed, const uint8_t* bytes, size_t size);
uint32_t Crc32cUnitSse42(const uint8_t* bytes);
/// Needs AVX512F and VPCLMULQDQ besides.
uint32_t Crc32cAvx512(uint32_t seed, const uint8_t* bytes, size_t size);
uint32_t Crc32cUnitAvx512(const uint8_t* bytes);
#elif defined(__aarch64__)
/// Needs the CRC32 extension.
uint32_t Crc32cArm64(uint32_t seed, const uint8_t* bytes, size_t size);
uint32_t Crc32cUnitArm64(const uint8_t* bytes);
#endif

}  // namespace stillframe::codec

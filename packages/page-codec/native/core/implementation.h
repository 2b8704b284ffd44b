// The ways this package can compute CRC32C, and the choice among them by what the processor offers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace stillframe::codec {

/// The unit of the content digest, whatever the guest's page size: 4096 bytes.
inline constexpr size_t kUnitBytes = 4096;

/// One implementation. All give the same answers; all functions are pure and safe from any number of threads
/// at once.
///
/// Not handled: memory that another thread writes meanwhile. The caller owns the bytes for the duration of a
/// call.
struct Implementation {
  /// Stable, e.g. `x64-avx512`; shown to users.
  const char* name;
  /// Whether CRC instructions of the processor are used.
  bool hardware;
  /// CRC32C of `size` bytes, continuing from the CRC `seed` of what came before (0 to start). Any alignment,
  /// any size.
  uint32_t (*crc32c)(uint32_t seed, const uint8_t* bytes, size_t size);
  /// CRC32C of exactly kUnitBytes bytes, from seed 0.
  uint32_t (*crc32c_unit)(const uint8_t* bytes);
};

/// Those that run on this processor, best first; the portable one is always there and last.
std::span<const Implementation> AvailableImplementations();

/// The first of them.
const Implementation& BestImplementation();

}  // namespace stillframe::codec

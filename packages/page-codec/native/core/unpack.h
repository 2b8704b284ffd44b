// Unpacking one chunk: exactly what was promised, or nothing that may be used.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stillframe::codec {

/// One LZ4 block. True when all of `stored` was used and exactly `size` bytes were written; never reads or
/// writes beyond either.
bool UnpackLz4(const uint8_t* stored, size_t stored_size, uint8_t* pages, size_t size);

/// One Zstandard frame without dictionary; otherwise as UnpackLz4. Keeps one context for each thread.
bool UnpackZstd(const uint8_t* stored, size_t stored_size, uint8_t* pages, size_t size);

}  // namespace stillframe::codec

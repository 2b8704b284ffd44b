// Which pages of a run hold nothing but zeros.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stillframe::codec {

/// Alternating run lengths in pages, data first (may be 0): data, zero, data, …; returns how many entries it
/// wrote, none for no pages. `page_bytes` is a multiple of 8, `run_lengths` has room for page_count + 1. Not
/// handled: pages that another thread writes meanwhile.
size_t FindZeroRuns(const uint8_t* pages, size_t page_bytes, size_t page_count, uint32_t* run_lengths);

}  // namespace stillframe::codec

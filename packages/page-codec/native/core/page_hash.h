// Hashes of pages, to find those that are alike.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stillframe::codec {

/// XXH3, 128 bits, with `seed`, of each page: two words a page into `hashes`, low half first.
void HashPages(const uint8_t* pages, size_t page_bytes, size_t page_count, uint64_t seed, uint64_t* hashes);

}  // namespace stillframe::codec

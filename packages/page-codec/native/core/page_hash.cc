#include "core/page_hash.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#define XXH_INLINE_ALL
#include "../third_party/xxhash/xxhash.h"
#pragma GCC diagnostic pop

namespace stillframe::codec {

void HashPages(const uint8_t* pages, size_t page_bytes, size_t page_count, uint64_t seed, uint64_t* hashes) {
  for (size_t page = 0; page < page_count; ++page) {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(pages + page * page_bytes, page_bytes, seed);
    hashes[2 * page] = hash.low64;
    hashes[2 * page + 1] = hash.high64;
  }
}

}  // namespace stillframe::codec

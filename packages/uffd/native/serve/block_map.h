// Where pages lie in files: extents of blocks, each block with one checksum. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "serve/served_memory.h"

namespace stillframe {

struct Extent {
  PageSpan span;
  /// In bytes from the start of the block; -1: zeros.
  int64_t offset = -1;
};

struct Block {
  int fd = -1;
  uint64_t file_offset = 0;
  uint64_t size_bytes = 0;
  uint32_t crc32c = 0;
  bool is_bad = false;
  std::vector<Extent> extents;
};

class BlockMap {
 public:
  explicit BlockMap(size_t region_count) : by_page_(region_count) {}

  void Add(Block block) {
    const size_t number = blocks_.size();
    for (size_t i = 0; i < block.extents.size(); ++i) {
      const PageSpan& span = block.extents[i].span;
      by_page_[span.region].try_emplace(span.first_page, Place{number, i});
    }
    blocks_.push_back(std::move(block));
  }

  struct Found {
    size_t block = 0;
    const Extent* extent = nullptr;
  };
  /// No extent: not known, or bad.
  Found Find(uint32_t region, uint64_t page) const {
    const auto& places = by_page_[region];
    auto at = places.upper_bound(page);
    if (at == places.begin()) {
      return {};
    }
    const Place place = std::prev(at)->second;
    const Extent& extent = blocks_[place.block].extents[place.extent];
    const bool has = page - extent.span.first_page < extent.span.pages && !blocks_[place.block].is_bad;
    return has ? Found{place.block, &extent} : Found{};
  }

  /// Whether there is a block that has the page, and is bad.
  bool IsBad(uint32_t region, uint64_t page) const {
    const auto& places = by_page_[region];
    auto at = places.upper_bound(page);
    if (at == places.begin()) {
      return false;
    }
    const Place place = std::prev(at)->second;
    const Block& block = blocks_[place.block];
    return block.is_bad &&
           page - block.extents[place.extent].span.first_page < block.extents[place.extent].span.pages;
  }

  const Block& At(size_t number) const { return blocks_[number]; }
  void MarkBad(size_t number) { blocks_[number].is_bad = true; }

 private:
  struct Place {
    size_t block;
    size_t extent;
  };
  std::vector<Block> blocks_;
  std::vector<std::map<uint64_t, Place>> by_page_;
};

}  // namespace stillframe

// A slab: captured pages on their way to the sink, packed, with the table of what they are.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stillframe {

enum class Cause : uint8_t { kFault = 0, kSweep = 1 };

/// Consecutive pages of one region, by their place in the line of pages.
struct SlabRun {
  uint64_t first_page;
  uint64_t pages : 63;
  uint64_t zero : 1;  // never touched: no bytes in the slab
};
static_assert(sizeof(SlabRun) == 16);

/// Ownership: exactly one of free list, fault thread, sweeper, filled queue, consumer; each hand-over is a
/// release/acquire pair.
struct Slab {
  uint32_t id;
  uint8_t* data;
  size_t capacity_bytes;
  SlabRun* runs;
  size_t run_capacity;

  size_t used_bytes;
  size_t run_count;
  Cause cause;
  bool spilled;
  int64_t held_since_ns;  // when its first page was captured
  int64_t fault_read_ns;  // inline mode: when the fault on its only page was read; 0: swept

  bool HasRoom(size_t page_bytes) const {
    return used_bytes + page_bytes <= capacity_bytes && run_count < run_capacity;
  }

  /// Where the next `page_bytes` go; they count once Append is called.
  uint8_t* Next() const { return data + used_bytes; }

  /// `region_first`: first page of the region, so that a run never crosses into the next one.
  void Append(uint64_t page, uint64_t pages, size_t bytes, bool zero, uint64_t region_first) {
    used_bytes += bytes;
    if (run_count > 0) {
      SlabRun& last = runs[run_count - 1];
      if (last.first_page + last.pages == page && last.zero == static_cast<uint64_t>(zero) &&
          page != region_first) {
        last.pages += pages & (~uint64_t{0} >> 1);
        return;
      }
    }
    runs[run_count] = {.first_page = page, .pages = pages & (~uint64_t{0} >> 1), .zero = zero};
    ++run_count;
  }
};

}  // namespace stillframe

// What goes over a lane of faults (packages/page-stream/FORMAT.md, "Lanes of faults"): heads of 32 bytes, and
// behind those of answers a page.
#pragma once

#include <cstddef>
#include <cstdint>

#include "serve/crc32c.h"

namespace stillframe {

struct FaultHead {
  uint32_t region = 0;
  /// Of the destination; comes back as it was.
  uint32_t tag = 0;
  uint64_t page = 0;
  /// Of the page behind it; 0 in a request.
  uint32_t page_bytes = 0;
  /// Of the page.
  uint32_t page_crc32c = 0;
  uint32_t reserved = 0;
  /// Of the 28 bytes before.
  uint32_t head_crc32c = 0;
};
static_assert(sizeof(FaultHead) == 32 && offsetof(FaultHead, head_crc32c) == 28);
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

inline uint32_t HeadCrc(const FaultHead& head) { return Crc32c(&head, offsetof(FaultHead, head_crc32c)); }

}  // namespace stillframe

#include "core/unpack.h"

#include <climits>
#include <cstring>
#include <memory>

#include "../third_party/lz4/lz4.h"
#include "../third_party/zstd/lib/zstd.h"

namespace stillframe::codec {
namespace {

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

/// Makes the next failure of an allocation a failed chunk, never a crash.
ZSTD_DCtx* Context() {
  thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return context.get();
}

}  // namespace

bool UnpackLz4(const uint8_t* stored, size_t stored_size, uint8_t* pages, size_t size) {
  if (stored_size == 0 || stored_size > INT_MAX || size > INT_MAX) return false;
  const int written =
      LZ4_decompress_safe(reinterpret_cast<const char*>(stored), reinterpret_cast<char*>(pages),
                          static_cast<int>(stored_size), static_cast<int>(size));
  return written >= 0 && static_cast<size_t>(written) == size;
}

bool UnpackZstd(const uint8_t* stored, size_t stored_size, uint8_t* pages, size_t size) {
  // The library would go on with a second frame, or pass over a skippable one: the format allows neither.
  uint32_t magic = 0;
  if (stored_size < sizeof magic) return false;
  std::memcpy(&magic, stored, sizeof magic);
  if (magic != ZSTD_MAGICNUMBER) return false;
  if (ZSTD_findFrameCompressedSize(stored, stored_size) != stored_size) return false;
  if (ZSTD_getDictID_fromFrame(stored, stored_size) != 0) return false;
  ZSTD_DCtx* context = Context();
  return context != nullptr && ZSTD_decompressDCtx(context, pages, size, stored, stored_size) == size;
}

}  // namespace stillframe::codec

#include "core/chunk_packer.h"

#include <algorithm>
#include <cstring>

#include "../third_party/lz4/lz4.h"
#include "../third_party/zstd/lib/zstd.h"
#include "core/digest.h"
#include "core/implementation.h"
#include "core/load.h"
#include "core/polynomial.h"

namespace stillframe::codec {
namespace {

/// Stored bytes are padded to this in the stream, so a smaller saving would be none.
constexpr size_t kPadBytes = 8;

void Xor(const uint8_t* a, const uint8_t* b, size_t size, uint8_t* to) {
  for (size_t i = 0; i < size; ++i) to[i] = static_cast<uint8_t>(a[i] ^ b[i]);
}

size_t Padded(size_t size) { return (size + kPadBytes - 1) / kPadBytes * kPadBytes; }

RunKind KindOf(Method method, bool delta) {
  if (method == Method::kLz4) return delta ? RunKind::kDeltaLz4 : RunKind::kLz4;
  return delta ? RunKind::kDeltaZstd : RunKind::kZstd;
}

}  // namespace

struct ChunkPacker::Contexts {
  std::vector<uint64_t> lz4 = std::vector<uint64_t>(static_cast<size_t>(LZ4_sizeofState()) / 8 + 1);
  ZSTD_CCtx* zstd = nullptr;
  ~Contexts() { ZSTD_freeCCtx(zstd); }
};

ChunkPacker::ChunkPacker() : contexts_(std::make_unique<Contexts>()) {}
ChunkPacker::~ChunkPacker() = default;

/// Bytes written, or 0 when the result does not fit into `room`.
size_t ChunkPacker::Compress(const PackJob& job, Method method, const uint8_t* from, size_t size, uint8_t* to,
                             size_t room) {
  if (method == Method::kLz4) {
    const int written = LZ4_compress_fast_extState(contexts_->lz4.data(), reinterpret_cast<const char*>(from),
                                                   reinterpret_cast<char*>(to), static_cast<int>(size),
                                                   static_cast<int>(room), std::max(job.level, 1));
    return written > 0 ? static_cast<size_t>(written) : 0;
  }
  if (contexts_->zstd == nullptr) contexts_->zstd = ZSTD_createCCtx();
  if (contexts_->zstd == nullptr) return 0;
  const size_t written = ZSTD_compressCCtx(contexts_->zstd, to, room, from, size, job.level);
  return ZSTD_isError(written) != 0 ? 0 : written;
}

void ChunkPacker::PackChunk(const PackJob& job, Chunk& chunk, size_t out_at) {
  if (chunk.method == Method::kNone) return;
  const size_t saving = std::max(chunk.size / 1024 * job.min_saving, kPadBytes);
  if (saving >= chunk.size) return;
  uint8_t* out = job.out + out_at;
  const uint8_t* pages = job.pages + chunk.at;
  size_t best = 0;
  if (job.base != nullptr) {
    delta_.resize(std::max(delta_.size(), chunk.size));
    Xor(pages, job.base + chunk.at, chunk.size, delta_.data());
    best = Compress(job, chunk.method, delta_.data(), chunk.size, out, chunk.size - saving);
    if (best > 0) chunk.kind = KindOf(chunk.method, true);
  }
  // A delta that is small is not beaten by much: the second trial would cost more than it saves.
  if (best == 0 || best > chunk.size / 4) {
    const size_t room = best > 0 ? best - 1 : chunk.size - saving;
    uint8_t* to = out;
    if (best > 0) {
      trial_.resize(std::max(trial_.size(), chunk.size));
      to = trial_.data();
    }
    const size_t plain = Compress(job, chunk.method, pages, chunk.size, to, room);
    if (plain > 0) {
      if (to != out) std::memcpy(out, to, plain);
      best = plain;
      chunk.kind = KindOf(chunk.method, false);
    }
  }
  chunk.stored_size = static_cast<uint32_t>(best);
}

void ChunkPacker::Pack(PackJob& job, const std::atomic<bool>& stop) {
  const Implementation& implementation = BestImplementation();
  size_t out_at = 0;
  for (Chunk& chunk : job.chunks) {
    if (stop.load(std::memory_order_relaxed)) return;
    const size_t units = chunk.size / kUnitBytes;
    const RunDigest run =
        DigestRun(implementation, 0, job.region, chunk.first_unit, job.pages + chunk.at, units);
    job.digest += run.digest;
    if (job.base != nullptr) {
      job.digest -=
          DigestRun(implementation, 0, job.region, chunk.first_unit, job.base + chunk.at, units).digest;
    }
    PackChunk(job, chunk, out_at);
    chunk.stored_at = out_at;
    if (chunk.kind == RunKind::kData) {
      chunk.stored_size = static_cast<uint32_t>(chunk.size);
      chunk.stored_crc = run.crc32c;
    } else {
      chunk.stored_crc = implementation.crc32c(0, job.out + out_at, chunk.stored_size);
      job.packed = true;
    }
    job.stored_crc = AppendCrc(job.stored_crc, chunk.stored_crc, chunk.stored_size);
    const size_t padded = Padded(chunk.stored_size);
    if (padded > chunk.stored_size) {
      uint8_t* padding = job.out + out_at + chunk.stored_size;
      std::memset(padding, 0, padded - chunk.stored_size);
      job.stored_crc = implementation.crc32c(job.stored_crc, padding, padded - chunk.stored_size);
    }
    out_at += padded;
  }
  for (Chunk& chunk : job.chunks) {
    if (chunk.kind != RunKind::kData) continue;
    // With one chunk packed all bytes are in `out`, so that the slab can go back before the sink has taken
    // them.
    if (job.packed) std::memcpy(job.out + chunk.stored_at, job.pages + chunk.at, chunk.size);
    if (!job.packed) chunk.stored_at = chunk.at;
  }
  job.done = true;
}

}  // namespace stillframe::codec

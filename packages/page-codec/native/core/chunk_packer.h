// Packing the chunks of one slab: CRC and digest of each, and the smallest form that was asked for.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace stillframe::codec {

/// The numbers of FORMAT.md, "CHUNKS".
enum class RunKind : uint32_t { kData = 0, kLz4 = 2, kZstd = 3, kDeltaLz4 = 6, kDeltaZstd = 7 };

enum class Method : uint32_t { kNone = 0, kLz4 = 1, kZstd = 2 };

/// One chunk: a whole number of units of the slab.
struct Chunk {
  size_t at;
  size_t size;
  uint64_t first_unit;
  Method method;

  // Results.
  RunKind kind = RunKind::kData;
  /// Bytes at `stored_at` of the output, or of the pages when nothing of the slab was packed.
  size_t stored_at = 0;
  uint32_t stored_size = 0;
  uint32_t stored_crc = 0;
};

/// What one slab needs. Borrowed memory: nobody writes `pages` and `base`, nobody touches `out`, until the
/// job is done.
struct PackJob {
  const uint8_t* pages = nullptr;
  /// The parent's pages, laid out like `pages`, or null when there is no parent; with them the combined form
  /// is tried, too.
  const uint8_t* base = nullptr;
  /// As large as `pages`.
  uint8_t* out = nullptr;
  uint32_t region = 0;
  /// Zstandard: -7 to 9. LZ4: acceleration, 1 or more.
  int level = 1;
  /// A form is taken only when it saves this many 1/1024 of the chunk, and 8 bytes at least.
  uint32_t min_saving = 128;
  std::vector<Chunk> chunks;

  // Results.
  /// What the pages add to the digest; with `base`, what the parent's pages gave it is taken away.
  uint64_t digest = 0;
  /// CRC32C of what is stored of all chunks, one behind the other, each with its padding.
  uint32_t stored_crc = 0;
  /// Whether stored bytes are in `out`; otherwise all chunks are data and their bytes are in `pages`.
  bool packed = false;
  /// False when it was stopped before its end; nothing of it may be used then.
  bool done = false;
};

/// The working memory of one thread.
class ChunkPacker {
 public:
  ChunkPacker();
  ~ChunkPacker();
  ChunkPacker(const ChunkPacker&) = delete;
  ChunkPacker& operator=(const ChunkPacker&) = delete;

  /// Fills in the results. Looks at `stop` between two chunks.
  void Pack(PackJob& job, const std::atomic<bool>& stop);

 private:
  struct Contexts;

  void PackChunk(const PackJob& job, Chunk& chunk, size_t out_at);
  size_t Compress(const PackJob& job, Method method, const uint8_t* from, size_t size, uint8_t* to,
                  size_t room);

  std::unique_ptr<Contexts> contexts_;
  std::vector<uint8_t> delta_;
  std::vector<uint8_t> trial_;
};

}  // namespace stillframe::codec

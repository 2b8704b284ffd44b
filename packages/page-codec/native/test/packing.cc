// Slabs packed by threads and unpacked again; hostile bytes; a pool that is stopped at any moment. Buffers
// are of exactly their size, so that AddressSanitizer sees a step beyond, and ThreadSanitizer watches the
// pool.
#include "test/packing.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <random>
#include <thread>

#include "core/chunk_packer.h"
#include "core/digest.h"
#include "core/implementation.h"
#include "core/pack_pool.h"
#include "core/page_hash.h"
#include "core/unpack.h"

namespace stillframe::test {
namespace {

using namespace stillframe::codec;

constexpr size_t kChunkBytes = 65536;

/// Memory of exactly `size` bytes.
struct Memory {
  explicit Memory(size_t bytes) : data(new uint8_t[bytes]()), size(bytes) {}
  std::unique_ptr<uint8_t[]> data;
  size_t size;
};

/// Words that repeat now and then, like pointers; every fourth chunk random.
Memory Slab(size_t chunks, uint32_t seed) {
  Memory slab(chunks * kChunkBytes);
  std::mt19937 random(seed);
  for (size_t at = 0; at < slab.size; at += 4) {
    const bool is_random = at / kChunkBytes % 4 == 3;
    const uint32_t word = is_random ? static_cast<uint32_t>(random()) : static_cast<uint32_t>(random() % 97);
    std::memcpy(slab.data.get() + at, &word, sizeof word);
  }
  return slab;
}

std::unique_ptr<PackJob> JobFor(const Memory& slab, const Memory* base, const Memory& out, Method method) {
  auto job = std::make_unique<PackJob>();
  job->pages = slab.data.get();
  job->base = base != nullptr ? base->data.get() : nullptr;
  job->out = out.data.get();
  job->region = 3;
  for (size_t at = 0; at < slab.size; at += kChunkBytes) {
    Chunk chunk{};
    chunk.at = at;
    chunk.size = kChunkBytes;
    chunk.first_unit = at / kUnitBytes;
    chunk.method = method;
    job->chunks.push_back(chunk);
  }
  return job;
}

bool Unpack(const PackJob& job, const Chunk& chunk, uint8_t* to) {
  // From memory of exactly the stored size.
  const uint8_t* from = (job.packed ? job.out : job.pages) + chunk.stored_at;
  Memory stored(chunk.stored_size);
  std::memcpy(stored.data.get(), from, stored.size);
  const bool zstd = chunk.kind == RunKind::kZstd || chunk.kind == RunKind::kDeltaZstd;
  if (chunk.kind == RunKind::kData) {
    std::memcpy(to, from, chunk.size);
    return true;
  }
  return zstd ? UnpackZstd(stored.data.get(), stored.size, to, chunk.size)
              : UnpackLz4(stored.data.get(), stored.size, to, chunk.size);
}

void CheckRoundTrip(Check& check, Method method, bool with_base) {
  const Memory slab = Slab(8, 1);
  Memory base = Slab(8, 2);
  // Half of the chunks differ from the parent in a few bytes only.
  for (size_t at = 0; at < slab.size; at += 2 * kChunkBytes) {
    std::memcpy(base.data.get() + at, slab.data.get() + at, kChunkBytes);
    base.data[at + 77] ^= 1;
  }
  const Memory out(slab.size);
  const auto job = JobFor(slab, with_base ? &base : nullptr, out, method);
  ChunkPacker packer;
  packer.Pack(*job, std::atomic<bool>(false));
  check.Equal(job->done, true, "done");
  check.Equal(job->packed, method != Method::kNone, "packed");
  for (const Chunk& chunk : job->chunks) {
    Memory back(chunk.size);
    check.Equal(Unpack(*job, chunk, back.data.get()), true, "unpacks");
    const bool delta = chunk.kind == RunKind::kDeltaLz4 || chunk.kind == RunKind::kDeltaZstd;
    const bool wants_delta = with_base && method != Method::kNone && chunk.at / kChunkBytes % 2 == 0;
    if (wants_delta) check.Equal(delta, true, "a chunk that hardly differs is a delta");
    for (size_t i = 0; delta && i < chunk.size; ++i) back.data[i] ^= base.data[chunk.at + i];
    check.Equal(std::memcmp(back.data.get(), slab.data.get() + chunk.at, chunk.size) != 0, false, "content");
    const uint8_t* stored = (job->packed ? out.data.get() : slab.data.get()) + chunk.stored_at;
    check.Equal(chunk.stored_crc, BestImplementation().crc32c(0, stored, chunk.stored_size), "stored CRC");
  }
  const size_t units = slab.size / kUnitBytes;
  uint64_t digest = DigestRun(BestImplementation(), 0, 3, 0, slab.data.get(), units).digest;
  if (with_base) digest -= DigestRun(BestImplementation(), 0, 3, 0, base.data.get(), units).digest;
  check.Equal(job->digest, digest, "digest");
}

void RoundTrips(Check& check) {
  for (const Method method : {Method::kNone, Method::kLz4, Method::kZstd}) {
    for (const bool with_base : {false, true}) CheckRoundTrip(check, method, with_base);
  }
}

/// A form that saves less than is asked for is not taken.
void KeepsWhatDoesNotShrink(Check& check) {
  Memory slab(kChunkBytes);
  std::mt19937 random(5);
  for (size_t i = 0; i < slab.size; ++i) slab.data[i] = static_cast<uint8_t>(random());
  // The first eighth and a bit repeats.
  std::memset(slab.data.get(), 1, kChunkBytes / 8 + 600);
  const Memory out(slab.size);
  for (const uint32_t saving : {128U, 160U}) {
    const auto job = JobFor(slab, nullptr, out, Method::kLz4);
    job->min_saving = saving;
    ChunkPacker packer;
    packer.Pack(*job, std::atomic<bool>(false));
    check.Equal(job->packed, saving == 128, "packed at " + std::to_string(saving));
  }
}

/// Damaged blocks: whatever they do, they stay within their memory.
void HostileBytes(Check& check) {
  const Memory slab = Slab(1, 9);
  const Memory out(slab.size);
  std::mt19937 random(11);
  for (const Method method : {Method::kLz4, Method::kZstd}) {
    const auto job = JobFor(slab, nullptr, out, method);
    ChunkPacker packer;
    packer.Pack(*job, std::atomic<bool>(false));
    const Chunk& chunk = job->chunks[0];
    const auto unpack = method == Method::kLz4 ? UnpackLz4 : UnpackZstd;
    for (int round = 0; round < 2000; ++round) {
      const size_t size = round % 3 == 0 ? random() % chunk.stored_size : chunk.stored_size;
      Memory stored(size);
      std::memcpy(stored.data.get(), out.data.get(), size);
      for (size_t left = random() % 4; left > 0 && size > 0; --left) {
        stored.data[random() % size] = static_cast<uint8_t>(random());
      }
      Memory pages(round % 2 == 0 ? chunk.size : kUnitBytes);
      unpack(stored.data.get(), size, pages.data.get(), pages.size);
    }
    Memory pages(chunk.size);
    check.Equal(unpack(out.data.get(), chunk.stored_size, pages.data.get(), pages.size), true, "whole");
    check.Equal(unpack(out.data.get(), chunk.stored_size - 1, pages.data.get(), pages.size), false, "cut");
    check.Equal(unpack(out.data.get(), chunk.stored_size, pages.data.get(), pages.size - 1), false,
                "too small");
    Memory larger(chunk.size + 1);
    check.Equal(unpack(out.data.get(), chunk.stored_size, larger.data.get(), larger.size), false,
                "too large");
    check.Equal(unpack(out.data.get(), 0, pages.data.get(), pages.size), false, "nothing");
  }
}

/// Two Zstandard frames, and a skippable one: the library would take both.
void OneFrameOnly(Check& check) {
  const Memory slab = Slab(1, 9);
  const Memory out(slab.size);
  const auto job = JobFor(slab, nullptr, out, Method::kZstd);
  ChunkPacker packer;
  packer.Pack(*job, std::atomic<bool>(false));
  const size_t size = job->chunks[0].stored_size;
  Memory pages(2 * kChunkBytes);
  Memory twice(2 * size);
  std::memcpy(twice.data.get(), out.data.get(), size);
  std::memcpy(twice.data.get() + size, out.data.get(), size);
  check.Equal(UnpackZstd(twice.data.get(), twice.size, pages.data.get(), pages.size), false, "two frames");
  const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0};
  Memory skip(12 + size);
  std::memcpy(skip.data.get(), skippable, sizeof skippable);
  std::memcpy(skip.data.get() + 12, out.data.get(), size);
  check.Equal(UnpackZstd(skip.data.get(), skip.size, pages.data.get(), kChunkBytes), false, "skippable");
}

void PoolDoesAllJobs(Check& check) {
  constexpr size_t kJobs = 32;
  std::atomic<size_t> notified{0};
  const Memory slab = Slab(4, 1);
  std::vector<Memory> outs;
  for (size_t i = 0; i < kJobs; ++i) outs.emplace_back(slab.size);
  size_t taken = 0;
  {
    PackPool pool(4, [&notified] {
      notified.fetch_add(1);
      notified.notify_all();
    });
    for (const Memory& out : outs) pool.Submit(JobFor(slab, nullptr, out, Method::kLz4));
    for (size_t seen = 0; taken < kJobs; notified.wait(seen), seen = notified.load()) {
      while (const auto job = pool.TakeDone()) {
        check.Equal(job->done, true, "done");
        ++taken;
      }
      if (taken == kJobs) break;
    }
  }
  check.Equal(taken, kJobs, "jobs taken");
}

/// After `Stop` no thread touches a job's memory: it is freed at once.
void PoolStopsAtAnyMoment(Check& check) {
  for (size_t round = 0; round < 40; ++round) {
    std::atomic<bool> stopped{false};
    std::atomic<bool> late{false};
    auto slab = std::make_unique<Memory>(Slab(4, 1));
    auto out = std::make_unique<Memory>(slab->size);
    auto out2 = std::make_unique<Memory>(slab->size);
    PackPool pool(2, [&] {
      if (stopped.load()) late.store(true);
    });
    pool.Submit(JobFor(*slab, nullptr, *out, Method::kZstd));
    pool.Submit(JobFor(*slab, nullptr, *out2, Method::kLz4));
    for (size_t turn = 0; turn < round * 20; ++turn) std::this_thread::yield();
    pool.Stop();
    stopped.store(true);
    slab.reset();
    out.reset();
    out2.reset();
    pool.Stop();
    check.Equal(late.load(), false, "notified after Stop");
    check.Equal(pool.TakeDone() != nullptr, false, "a job after Stop");
  }
}

void HashesPages(Check& check) {
  const Memory slab = Slab(1, 3);
  const size_t pages = slab.size / kUnitBytes;
  std::vector<uint64_t> hashes(2 * pages);
  std::vector<uint64_t> other(2 * pages);
  HashPages(slab.data.get(), kUnitBytes, pages, 1, hashes.data());
  HashPages(slab.data.get(), kUnitBytes, pages, 2, other.data());
  for (size_t i = 0; i < 2 * pages; ++i) check.Equal(hashes[i] == other[i], false, "the seed counts");
  check.Equal(hashes[0] == hashes[2], false, "the content counts");
}

}  // namespace

std::vector<Test> PackingTests() {
  return {
      {"packing: what is packed unpacks to what it was, with digest and CRCs", RoundTrips},
      {"packing: a saving that is too small is none", KeepsWhatDoesNotShrink},
      {"unpacking: damaged bytes stay within their memory", HostileBytes},
      {"unpacking: one Zstandard frame only", OneFrameOnly},
      {"pool: does all jobs", PoolDoesAllJobs},
      {"pool: stops at any moment", PoolStopsAtAnyMoment},
      {"hashes: of the seed and the content", HashesPages},
  };
}

}  // namespace stillframe::test

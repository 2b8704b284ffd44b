#include "core/pre_image_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace stillframe {

namespace {

// One slab is one write to the sink and at most one un-protect for each run in it: large enough to run at
// memory speed (8.4 GB/s at 256 KiB, 8.6 at 1 MiB), small enough that the few in flight stay in the cache.
constexpr size_t kSlabBytesMax = size_t{1} << 20;
// A small store is cut into this many slabs at the least, so that faults and sweep both find one.
constexpr size_t kSlabsMin = 16;
// The sweep's part of the pool: an eighth, and never more than keeps the sink busy.
constexpr size_t kSweepShareDivisor = 8;
constexpr size_t kSweepShareMax = 16;
// Free and touched at any time, as far as the pool goes. Takes what faults at 400 MB/s bring in 40 ms, in
// which as much can be touched even where that is slowest (2.7 ms a MiB).
constexpr size_t kReserveBytes = size_t{16} << 20;
// Slabs beyond the guest's size: those that are handed over before they are full.
constexpr size_t kSpareSlabs = 16;
// A run of holes takes a table entry but no bytes.
constexpr size_t kExtraRuns = 64;

size_t SlabBytesFor(uint64_t max_bytes, uint64_t largest_page_bytes) {
  const uint64_t share = std::bit_floor(std::max<uint64_t>(max_bytes / kSlabsMin, 1));
  return std::clamp<uint64_t>(share, largest_page_bytes,
                              std::max<uint64_t>(kSlabBytesMax, largest_page_bytes));
}

size_t PoolSlabsFor(uint64_t max_bytes, uint64_t guest_bytes, size_t slab_bytes) {
  const uint64_t useful = (guest_bytes + slab_bytes - 1) / slab_bytes + kSpareSlabs;
  return std::max<uint64_t>(1, std::min<uint64_t>(max_bytes / slab_bytes, useful));
}

void RaiseTo(std::atomic<uint64_t>& longest, uint64_t value) {
  uint64_t seen = longest.load(std::memory_order_relaxed);
  while (value > seen && !longest.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

[[noreturn]] void Throw(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

PreImageStore::PreImageStore(const StoreOptions& options, uint64_t guest_bytes, uint64_t largest_page_bytes)
    : slab_bytes_(options.max_bytes == 0 ? largest_page_bytes
                                         : SlabBytesFor(options.max_bytes, largest_page_bytes)),
      pool_slabs_(PoolSlabsFor(options.max_bytes, guest_bytes, slab_bytes_)),
      spill_slabs_(options.overflow == Overflow::kSpill
                       ? (guest_bytes + slab_bytes_ - 1) / slab_bytes_ + kSpareSlabs
                       : 0),
      sweep_share_(std::clamp<size_t>(pool_slabs_ / kSweepShareDivisor, 1, kSweepShareMax)),
      reserve_(std::max<size_t>(kReserveBytes / slab_bytes_, 1)),
      runs_per_slab_(options.max_bytes == 0 ? 1 : slab_bytes_ / 4096 + kExtraRuns),
      slabs_(SlabCount()),
      runs_(SlabCount() * runs_per_slab_),
      free_pool_(SlabCount()),
      free_spill_(SlabCount()) {
  const size_t pool_bytes = pool_slabs_ * slab_bytes_;
  void* pool =
      mmap(nullptr, pool_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pool == MAP_FAILED) {
    Throw("mmap of the pre-image store");
  }
  pool_ = static_cast<uint8_t*>(pool);
  madvise(pool, pool_bytes, MADV_HUGEPAGE);
  if (spill_slabs_ > 0) {
    OpenSpill(options.spill_directory);
  }
  for (size_t i = SlabCount(); i-- > 0;) {
    Slab& slab = slabs_[i];
    const bool spilled = i >= pool_slabs_;
    slab.id = static_cast<uint32_t>(i);
    slab.data = spilled ? spill_ + (i - pool_slabs_) * slab_bytes_ : pool_ + i * slab_bytes_;
    slab.capacity_bytes = slab_bytes_;
    slab.runs = runs_.At(i * runs_per_slab_);
    slab.run_capacity = runs_per_slab_;
    slab.spilled = spilled;
    if (spilled) {
      free_spill_.Push(slab.id);
    }
  }
  while (WantsMore()) {
    TouchMore();
  }
}

PreImageStore::~PreImageStore() {
  munmap(pool_, pool_slabs_ * slab_bytes_);
  if (spill_ != nullptr) {
    munmap(spill_, spill_slabs_ * slab_bytes_);
  }
  if (spill_fd_ >= 0) {
    close(spill_fd_);
  }
}

void PreImageStore::OpenSpill(const std::string& directory) {
  spill_fd_ = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (spill_fd_ < 0) {
    // Not every file system has O_TMPFILE: make a name and take it away at once.
    std::string name = directory + "/stillframe-spill-XXXXXX";
    spill_fd_ = mkostemp(name.data(), O_CLOEXEC);
    if (spill_fd_ < 0) {
      munmap(pool_, pool_slabs_ * slab_bytes_);
      Throw("open of the spill file");
    }
    unlink(name.c_str());
  }
  const size_t bytes = spill_slabs_ * slab_bytes_;
  void* spill = MAP_FAILED;
  if (ftruncate(spill_fd_, static_cast<off_t>(bytes)) == 0) {
    spill = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, spill_fd_, 0);
  }
  if (spill == MAP_FAILED) {
    munmap(pool_, pool_slabs_ * slab_bytes_);
    close(spill_fd_);
    Throw("mmap of the spill file");
  }
  spill_ = static_cast<uint8_t*>(spill);
}

Slab* PreImageStore::Prepared(uint32_t id, Cause cause) {
  Slab& slab = slabs_[id];
  slab.used_bytes = 0;
  slab.run_count = 0;
  slab.cause = cause;
  slab.held_since_ns = 0;
  slab.fault_read_ns = 0;
  return &slab;
}

void PreImageStore::TouchMore() {
  const auto id = TakeUntouched();
  if (!id) {
    return;
  }
  const Slab& slab = slabs_[*id];
  for (size_t offset = 0; offset < slab_bytes_; offset += 4096) {
    *static_cast<volatile uint8_t*>(slab.data + offset) = 0;
  }
  for (size_t run = 0; run < runs_per_slab_; ++run) {
    slab.runs[run] = {};
  }
  MakeFree(*id);
}

std::optional<uint32_t> PreImageStore::TakeUntouched() {
  if (next_untouched_.load(std::memory_order_relaxed) >= pool_slabs_) {
    return std::nullopt;
  }
  const size_t id = next_untouched_.fetch_add(1, std::memory_order_relaxed);
  return id < pool_slabs_ ? std::optional(static_cast<uint32_t>(id)) : std::nullopt;
}

std::optional<uint32_t> PreImageStore::TakeFree() {
  const auto id = free_pool_.Pop();
  if (id) {
    free_count_.fetch_sub(1, std::memory_order_seq_cst);
  }
  return id;
}

void PreImageStore::MakeFree(uint32_t id) {
  free_pool_.Push(id);
  free_count_.fetch_add(1, std::memory_order_seq_cst);
}

Slab* PreImageStore::TakeForFault() {
  auto ready = TakeFree();
  if (!ready) {
    ready = TakeUntouched();
  }
  if (ready) {
    return Prepared(*ready, Cause::kFault);
  }
  if (spill_slabs_ == 0) {
    return nullptr;
  }
  const auto id = free_spill_.Pop();
  if (!id) {
    return nullptr;
  }
  // Room is made sure of here: a write to a mapped hole of a full disk would be SIGBUS.
  if (fallocate(spill_fd_, 0, slabs_[*id].data - spill_, static_cast<off_t>(slab_bytes_)) != 0) {
    spill_error_.store(errno, std::memory_order_relaxed);
    free_spill_.Push(*id);
    return nullptr;
  }
  const size_t out = spilled_.fetch_add(1, std::memory_order_relaxed) + 1;
  size_t most = spilled_max_.load(std::memory_order_relaxed);
  while (out > most && !spilled_max_.compare_exchange_weak(most, out, std::memory_order_relaxed)) {
  }
  return Prepared(*id, Cause::kFault);
}

Slab* PreImageStore::TakeForSweep() {
  if (swept_out_.load(std::memory_order_seq_cst) >= sweep_share_) {
    return nullptr;
  }
  auto id = TakeFree();
  if (!id) {
    TouchMore();
    id = TakeFree();
  }
  if (!id) {
    return nullptr;
  }
  swept_out_.fetch_add(1, std::memory_order_seq_cst);
  return Prepared(*id, Cause::kSweep);
}

void PreImageStore::GiveBack(Slab* slab) {
  held_.fetch_sub(slab->used_bytes, std::memory_order_relaxed);
  if (slab->spilled) {
    fallocate(spill_fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, slab->data - spill_,
              static_cast<off_t>(slab_bytes_));
    spilled_.fetch_sub(1, std::memory_order_relaxed);
    free_spill_.Push(slab->id);
    return;
  }
  const Cause cause = slab->cause;
  MakeFree(slab->id);
  if (cause == Cause::kSweep) {
    swept_out_.fetch_sub(1, std::memory_order_seq_cst);
  }
}

void PreImageStore::Settle(const Slab& slab) const {
  if (slab.spilled) {
    madvise(slab.data, slab_bytes_, MADV_DONTNEED);
  }
}

void PreImageStore::AddHeld(uint64_t bytes) {
  RaiseTo(held_max_, held_.fetch_add(bytes, std::memory_order_relaxed) + bytes);
}

}  // namespace stillframe

// The pre-image store: where captured pages wait for the sink.
//
// A pool of slabs of at most `max_bytes` in all, touched before anything is armed (a first touch inside the
// fault path costs milliseconds at p99.9), and behind it, with `spill`, a sparse unlinked file with room for
// every page of the guest. The sweep holds at most a small share of the pool: a sweep that may fill it makes
// writers wait as long as the sink does.
//
// Concurrency: TakeForFault by the fault thread, TakeForSweep by the sweeper, GiveBack by any thread.
// Lock-free.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/slab.h"
#include "core/slab_lists.h"

namespace stillframe {

enum class Overflow : uint8_t { kSpill = 0, kStall = 1, kAbort = 2 };

struct StoreOptions {
  uint64_t max_bytes;  // 0: one slab of one page, the seed's single-thread behaviour
  Overflow overflow;
  std::string spill_directory;
};

class PreImageStore {
 public:
  /// Throws std::system_error when the spill file or the memory cannot be had.
  PreImageStore(const StoreOptions& options, uint64_t guest_bytes, uint64_t largest_page_bytes);
  ~PreImageStore();
  PreImageStore(const PreImageStore&) = delete;
  PreImageStore& operator=(const PreImageStore&) = delete;

  /// nullptr: the pool is empty and there is no spill, or its disk is full (SpillError says so).
  Slab* TakeForFault();
  /// nullptr: the sweep's share is used up.
  Slab* TakeForSweep();
  void GiveBack(Slab* slab);
  /// A filled slab waits from now on: a spilled one leaves our address space (it stays in its file), so that
  /// it is not our memory.
  void Settle(const Slab& slab) const;

  /// Bytes of captured pages in the store, kept by whoever appends.
  void AddHeld(uint64_t bytes);

  Slab* At(uint32_t id) { return slabs_.At(id); }
  size_t SlabCount() const { return pool_slabs_ + spill_slabs_; }
  size_t SlabBytes() const { return slab_bytes_; }
  uint64_t HeldBytes() const { return held_.load(std::memory_order_relaxed); }
  uint64_t HeldBytesMax() const { return held_max_.load(std::memory_order_relaxed); }
  uint64_t SpilledBytesMax() const { return spilled_max_.load(std::memory_order_relaxed) * slab_bytes_; }
  int SpillError() const { return spill_error_.load(std::memory_order_relaxed); }

 private:
  Slab* Prepared(uint32_t id, Cause cause);
  void OpenSpill(const std::string& directory);

  size_t slab_bytes_;
  size_t pool_slabs_;
  size_t spill_slabs_;
  size_t sweep_share_;
  size_t runs_per_slab_;
  LazyArray<Slab> slabs_;
  LazyArray<SlabRun> runs_;
  uint8_t* pool_ = nullptr;
  uint8_t* spill_ = nullptr;
  int spill_fd_ = -1;
  FreeStack free_pool_;
  FreeStack free_spill_;
  std::atomic<size_t> swept_out_{0};
  std::atomic<uint64_t> held_{0};
  std::atomic<uint64_t> held_max_{0};
  std::atomic<size_t> spilled_{0};
  std::atomic<size_t> spilled_max_{0};
  std::atomic<int> spill_error_{0};
};

}  // namespace stillframe

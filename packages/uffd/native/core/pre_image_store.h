// The pre-image store: where captured pages wait for the sink.
//
// A pool of slabs of at most `max_bytes` in all, and behind it, with `spill`, a sparse unlinked file with
// room for every page of the guest. The sweep holds at most a small share of the pool: a sweep that may fill
// it makes writers wait as long as the sink does.
//
// A first touch inside the fault path costs milliseconds at p99.9, and touching all of the pool may take
// longer than everything else before the cut (in a virtual machine each page may have to come from its host).
// So a reserve of slabs is touched before anything is armed, and from then on whoever has time keeps as many
// free
// (`WantsMore`, `TouchMore`): the pool grows as far as it is used. Only if faults use up the reserve faster
// than that do they touch slabs themselves, before they would spill, wait or fail.
//
// Concurrency: TakeForFault by the fault thread, TakeForSweep by the sweeper, GiveBack and TouchMore by any
// thread. Lock-free.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
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

  /// Fewer slabs are free and touched than the reserve, and there are more.
  bool WantsMore() const {
    return free_count_.load(std::memory_order_seq_cst) < static_cast<int64_t>(reserve_) &&
           next_untouched_.load(std::memory_order_relaxed) < pool_slabs_;
  }
  /// Touches a slab and makes it free. Not for the fault thread.
  void TouchMore();

  /// A filled slab waits from now on: a spilled one leaves our address space (it stays in its file), so that
  /// it is not our memory.
  void Settle(const Slab& slab) const;

  /// Bytes of captured pages in the store, kept by whoever appends.
  void AddHeld(uint64_t bytes);

  Slab* At(uint32_t id) { return slabs_.At(id); }
  size_t SlabCount() const { return pool_slabs_ + spill_slabs_; }
  /// Of the pool, that memory has been spent on.
  size_t TouchedSlabs() const {
    return std::min(pool_slabs_, next_untouched_.load(std::memory_order_relaxed));
  }
  size_t SlabBytes() const { return slab_bytes_; }
  uint64_t HeldBytes() const { return held_.load(std::memory_order_relaxed); }
  uint64_t HeldBytesMax() const { return held_max_.load(std::memory_order_relaxed); }
  uint64_t SpilledBytesMax() const { return spilled_max_.load(std::memory_order_relaxed) * slab_bytes_; }
  int SpillError() const { return spill_error_.load(std::memory_order_relaxed); }

 private:
  Slab* Prepared(uint32_t id, Cause cause);
  void OpenSpill(const std::string& directory);
  std::optional<uint32_t> TakeFree();
  std::optional<uint32_t> TakeUntouched();
  void MakeFree(uint32_t id);

  size_t slab_bytes_;
  size_t pool_slabs_;
  size_t spill_slabs_;
  size_t sweep_share_;
  size_t reserve_;
  size_t runs_per_slab_;
  LazyArray<Slab> slabs_;
  LazyArray<SlabRun> runs_;
  uint8_t* pool_ = nullptr;
  uint8_t* spill_ = nullptr;
  int spill_fd_ = -1;
  FreeStack free_pool_;
  /// Slabs in free_pool_, give or take those that are on their way in or out.
  std::atomic<int64_t> free_count_{0};
  std::atomic<size_t> next_untouched_{0};
  FreeStack free_spill_;
  std::atomic<size_t> swept_out_{0};
  std::atomic<uint64_t> held_{0};
  std::atomic<uint64_t> held_max_{0};
  std::atomic<size_t> spilled_{0};
  std::atomic<size_t> spilled_max_{0};
  std::atomic<int> spill_error_{0};
};

}  // namespace stillframe

// One capture: a guest's pages, two threads, a store, and a consumer.
//
// Life: construct (allocate, touch) → ArmAhead … → Arm → Pull/Release/Grant … → Close. Close is right at any
// of these points, disarms everything and wakes every writer (I-4); the destructor closes. The userfaultfd
// belongs to the engine from construction on; with `registers` the engine registers the regions, otherwise
// they are registered for write protection already. Threads: all but the constructor by one consumer thread.
// `on_ready` is called by the engine's sweeper, and never after Close has returned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "core/arming.h"
#include "core/capture_shared.h"
#include "core/fault_thread.h"
#include "core/sweeper.h"

namespace stillframe {

class CaptureEngine {
 public:
  CaptureEngine(int uffd, std::vector<GuestRegion> regions, const StoreOptions& options, Discarded discarded,
                bool registers, std::function<void()> on_ready, ChangeOptions changes = {});
  ~CaptureEngine();
  CaptureEngine(const CaptureEngine&) = delete;
  CaptureEngine& operator=(const CaptureEngine&) = delete;

  /// Write-protects up to `bytes` more while the guest runs, so that the cut is short. False: all that can be
  /// done ahead is done. A call is one piece of work of the caller's thread; not needed for a cut.
  bool ArmAhead(uint64_t bytes) { return arming_.Ahead(bytes); }
  /// Write-protects everything: the cut. `regions`: what the guest is now, when that can have changed; empty:
  /// what it was at the beginning. 0 or errno; after an error nothing is armed. Throws std::invalid_argument.
  int Arm(std::vector<GuestRegion> regions = {}) { return arming_.Cut(std::move(regions)); }
  /// Filled slabs, those of faults first; at most `most`. Never blocks.
  size_t Pull(Slab** out, size_t most);
  /// The sink has taken a pulled slab.
  void Release(Slab* slab);
  /// Replaces the previous grant.
  void Grant(uint64_t pages, int64_t not_before_ns);
  /// True: there is something to pull, everything is captured, or the capture failed. False: `on_ready` will
  /// be called, once.
  bool ReadyOrNotify();
  /// No page is swept after it, and what was swept is un-protected: the caller may disarm by itself before
  /// Close. Idempotent.
  void StopSweep();
  /// Instead of Close, for an engine that notes changes: joins the threads and leaves everything armed.
  /// Whoever has the userfaultfd from now on reads it, wakes every writer once (a fault may have been read
  /// and not served), and goes on noting. Nothing, and Close is still to be called, when the capture is not
  /// complete or has failed.
  std::optional<Watched> LeaveArmed();
  /// Disarms, joins the threads, closes the userfaultfd. Idempotent. Slabs on loan stay readable until the
  /// engine is destroyed.
  void Close();

  Slab* SlabAt(uint32_t id) { return shared_.store.At(id); }

  const CaptureShared& Shared() const { return shared_; }

 private:
  void FinishDrained(const Slab& slab);
  void JoinSweeper();
  void JoinFaultThread();
  bool EndLetGo();

  CaptureShared shared_;
  int uffd_;
  /// Registering the regions once more splits no mapping.
  const bool is_registered_as_is_;
  FaultThread fault_thread_body_;
  Sweeper sweeper_body_;
  Arming arming_;
  std::thread fault_thread_;
  std::thread sweeper_;
};

}  // namespace stillframe

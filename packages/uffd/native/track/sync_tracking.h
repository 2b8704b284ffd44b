// A thread of ours notes each first write to a protected page, while its writer waits, and lets it go on: for
// kernels without UFFD_FEATURE_WP_ASYNC.
//
// Concurrency: `gate_` is held by the thread while it reads and handles events, and by the consumer while it
// takes noted pages and protects them again. So under the gate a page is noted, or protected: a page cannot
// be let through after its note was taken. An event is read under the gate as well: whoever was woken by the
// reading has its change noted before anybody can look. The thread waits for nobody who waits for JavaScript
// (I-1): the consumer holds the gate for a few system calls only, and gives it up while the kernel answers
// EAGAIN, which lasts until an event is read.
// Discards: the kernel tells of a madvise before it takes the pages, and lets nobody know when it has. A page
// can so be lost, with its protection, after its note was taken. Pages that were once discarded are therefore
// looked at in each collection: what is not protected has changed. That costs 8 bytes of pagemap for each.
// Duplicates are noted twice. Not handled: nothing in the thread
// allocates or touches guest memory.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>

#include "core/changes.h"
#include "core/protector.h"
#include "kernel/abi.h"
#include "kernel/unique_fd.h"
#include "track/brake.h"
#include "track/tracking.h"

namespace stillframe {

class SyncTracking : public Tracking {
 public:
  /// `uffd` with the events REMOVE, REMAP and UNMAP is its own, `pagemap` that of the same address space.
  /// `populates`: without WP_UNPOPULATED, and of this process; pages that are not there cannot be protected
  /// and are made to be there.
  SyncTracking(UniqueFd uffd, UniqueFd pagemap, const GuestMemory& memory, bool populates);
  /// Takes over from a capture engine: memory is protected but for what is noted already. Nothing is
  /// collected, only handed over.
  SyncTracking(Watched watched, const GuestMemory& memory);
  ~SyncTracking() override;

  int Start(const TrackedSpan& span) override;
  int Collect(const TrackedSpan& span, DirtyBitmap& written) override;
  int Count(const TrackedSpan& span, DirtyBitmap& written) override;
  int Use(const GuestMemory& before, const GuestMemory& now) override;
  bool SetBrake(int64_t delay_ns, double max_share) override;
  TrackingCounts Counts() override;
  void Close(const GuestMemory& memory) override;
  /// Instead of Close: leaves memory protected but for what was noted since Start or Collect. Whoever reads
  /// the userfaultfd from now on wakes every writer once: a fault may have been read and not served.
  Watched HandOver();

 private:
  SyncTracking(Watched watched, UniqueFd pagemap, const GuestMemory& memory, bool populates);

  // Events of one read(2).
  static constexpr size_t kBatch = 64;
  // When it is full the rest stay in the kernel.
  static constexpr size_t kPendingMax = 1024;

  void Run();
  /// A blocked thread whose page is noted and not let through yet.
  struct Pending {
    uint64_t address;
    int64_t due_ns;
  };

  void WaitForWork();
  int64_t NextDue();
  void ReadEvents();
  void OnEvent(const abi::UffdMsg& message);
  void RetryPending();
  bool LetThrough(uint64_t address);
  void NoteDiscarded(std::unique_lock<std::mutex>& gate, uint64_t first, uint64_t past);
  int Protect(std::unique_lock<std::mutex>& gate, const TrackedSpan& span, uint64_t first, uint64_t past);
  void Join();
  void WakeThread() const;

  UniqueFd uffd_;
  const UniqueFd pagemap_;
  const Protector protector_;
  const bool populates_;
  UniqueFd wake_;
  std::atomic<bool> stop_{false};

  std::mutex gate_;
  // All of these under the gate.
  GuestMemory memory_;
  DirtyBitmap noted_;
  DirtyBitmap discarded_;  // ever
  std::array<Pending, kPendingMax> pending_{};
  size_t pending_count_ = 0;
  Brake brake_;
  uint64_t faults_ = 0;

  std::thread thread_;
};

}  // namespace stillframe

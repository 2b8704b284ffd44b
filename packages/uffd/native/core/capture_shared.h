// What the fault thread, the sweeper and the consumer of one capture share. Everything is atomic or owned by
// one of them at a time; there is no lock, so the fault thread waits for nobody (I-1).
#pragma once

#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "core/before_cut.h"
#include "core/changes.h"
#include "core/guest_memory.h"
#include "core/page_states.h"
#include "core/pre_image_store.h"
#include "core/protector.h"
#include "core/wait_histogram.h"
#include "core/wake_event.h"

namespace stillframe {

enum class Failure : uint8_t {
  kNone = 0,
  kStoreFull = 1,       // overflow: abort
  kSpillFailed = 2,     // the spill file's disk is full or broken
  kGuestDiscarded = 3,  // the guest unmapped or discarded pages not captured yet: their pre-images are gone
  kGuestRemapped = 4,   // the guest moved pages not captured yet
  kReadFailed = 5,      // guest memory could not be read
  kUffdFailed = 6,      // the kernel refused an operation on the userfaultfd
  kGuestGone = 7,       // the guest's process ended, or executes another program
  kDisarmed = 8,  // somebody else lifted the protection: what was copied since may be newer than the cut
};

/// What becomes of the picture when the guest itself throws pages away (munmap, madvise, mremap) after the
/// cut and before they are captured: nobody can read them any more.
enum class Discarded : uint8_t {
  kFail = 0,
  kZero = 1,  // they come as zeros, and are counted as lost
};

struct CaptureCounters {
  std::atomic<uint64_t> captured_pages{0};
  std::atomic<uint64_t> fault_pages{0};
  std::atomic<uint64_t> swept_pages{0};
  std::atomic<uint64_t> zero_pages{0};
  /// Thrown away by the guest before they were captured, or while: not those of the cut.
  std::atomic<uint64_t> lost_pages{0};
  std::atomic<uint64_t> faults{0};
  /// Faults between opening and the cut: let through at once.
  std::atomic<uint64_t> early_faults{0};
  std::atomic<int64_t> last_fault_read_ns{0};
  WaitHistogram fault_wait;
};

struct CaptureShared {
  CaptureShared(int uffd, GuestMemory guest_memory, const StoreOptions& options, Discarded on_discard,
                ChangeOptions change_options = {})
      : memory(std::move(guest_memory)),
        changes(memory.Pages(), std::move(change_options), options.max_bytes != 0),
        states(memory.Pages()),
        store(options, memory.Bytes(), memory.LargestPageBytes()),
        overflow(options.overflow),
        discarded(on_discard),
        release_after_drain(options.max_bytes == 0),
        protector(uffd),
        faulted(store.SlabCount()),
        swept(store.SlabCount()),
        fault_wake_fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~CaptureShared() { close(fault_wake_fd); }
  CaptureShared(const CaptureShared&) = delete;
  CaptureShared& operator=(const CaptureShared&) = delete;

  /// Replaced at most once, by the cut: until then only who holds the gate of `before_cut` and the thread
  /// that makes the cut may look, afterwards everybody.
  GuestMemory memory;
  BeforeCut before_cut;
  /// Written by the fault thread; by the consumer under the gate of `before_cut`, or with no fault thread.
  Changes changes;
  PageStates states;
  PreImageStore store;
  const Overflow overflow;
  const Discarded discarded;
  /// maxBytes 0: a page is released when the sink has it, not when it is copied.
  const bool release_after_drain;
  const Protector protector;
  CaptureCounters counters;

  FilledQueue faulted;
  FilledQueue swept;
  /// The slab that faults are being added to. Whoever exchanges it for nullptr owns it: the fault thread to
  /// append, the consumer to take it early when it has nothing else to do.
  std::atomic<Slab*> current{nullptr};

  std::atomic<Failure> failure{Failure::kNone};
  std::atomic<bool> stop_sweep{false};
  std::atomic<bool> stop_faults{false};
  /// Whoever closes lifts the protection: from here on that is no failure.
  std::atomic<bool> closing{false};
  /// Odd while the fault thread reads events and acts on what the guest has thrown away. From the moment that
  /// such an event is read the guest goes on throwing away, and un-protecting works again: what was copied
  /// and un-protected meanwhile may be neither noticed nor right. See AwaitReader.
  std::atomic<uint32_t> reading{0};
  /// How often the fault thread has looked for events and handled them.
  std::atomic<uint64_t> fault_passes{0};
  /// The consumer waits for something to pull; whoever makes something and resets this tells it.
  std::atomic<bool> hungry{false};
  std::atomic<bool> notify_requested{false};
  /// The fault thread has a page and no slab: the next slab given back is to wake it.
  std::atomic<bool> fault_starved{false};
  std::atomic<bool> sweep_starved{false};
  /// The sweep waits for a grant, a time or a slab, or is through. While it runs it brings full slabs, and
  /// faults fill up theirs.
  std::atomic<bool> sweep_idle{true};
  /// The sweep's pages that are captured and not yet un-protected: [first, end) of the line of pages.
  std::atomic<uint64_t> run_first{0};
  std::atomic<uint64_t> run_end{0};
  /// The guest has thrown memory away since the cut.
  std::atomic<bool> any_gone{false};
  /// Pages of the run were thrown away by the guest meanwhile.
  std::atomic<bool> run_damaged{false};
  /// The sweep was stopped before it could un-protect its last run.
  std::atomic<bool> run_left{false};

  std::atomic<uint64_t> granted_pages{0};
  std::atomic<int64_t> grant_not_before_ns{0};
  WakeEvent sweep_wake;
  const int fault_wake_fd;

  bool Failed() const { return failure.load(std::memory_order_seq_cst) != Failure::kNone; }
  bool Complete() const {
    return before_cut.IsOver() &&
           counters.captured_pages.load(std::memory_order_seq_cst) == memory.Pages() - changes.Skipped();
  }

  /// Swept pages go back to the guest; but while changes are noted they stay protected, so that a write is
  /// noticed, and are only seen to be so. 0 or errno, the same either way: EAGAIN, an event is unread;
  /// otherwise what was copied may be newer than the cut, or gone.
  int LetGo(uint64_t address, uint64_t bytes) const {
    return changes.AreNoted() ? protector.Protect(address, bytes) : protector.Release(address, bytes);
  }

  /// Something to pull, or nothing more to come. The slab that faults are being added to counts once nothing
  /// else is on its way.
  bool Ready() const {
    return Failed() || !faulted.Empty() || !swept.Empty() || Complete() ||
           (sweep_idle.load(std::memory_order_seq_cst) && current.load(std::memory_order_seq_cst) != nullptr);
  }

  /// First failure wins. Frees the guest at once (I-4): unregistering wakes every writer.
  void Fail(Failure why) {
    Failure expected = Failure::kNone;
    if (!failure.compare_exchange_strong(expected, why, std::memory_order_seq_cst)) {
      return;
    }
    DisarmAll();
    TellConsumer();
  }

  void FailToRead(ReadResult why) {
    Fail(why == ReadResult::kGone ? Failure::kGuestGone : Failure::kReadFailed);
  }

  /// Pages were copied, and then could not be un-protected: they may have been written in between. If the
  /// guest itself has unmapped them, the fault thread may be about to say so: it knows better.
  void FailToRelease(int error) {
    AwaitEvents();
    Fail(error == ESRCH ? Failure::kGuestGone : Failure::kDisarmed);
  }

  /// After an un-protect that worked: returns when what had been thrown away before it, by an event that was
  /// read, is known. Until then the pages stay suspect.
  void AwaitReader() const {
    const uint32_t seen = reading.load(std::memory_order_seq_cst);
    while (seen % 2 != 0 && reading.load(std::memory_order_seq_cst) == seen) {
      sched_yield();
    }
  }

  /// Returns when the fault thread has handled what there is to read now.
  void AwaitEvents() const {
    const uint64_t passes = fault_passes.load(std::memory_order_seq_cst);
    while (!Failed() && !stop_faults.load(std::memory_order_seq_cst) &&
           fault_passes.load(std::memory_order_seq_cst) < passes + 2) {
      WakeFaultThread();
      sched_yield();
    }
  }

  void DisarmAll() const {
    for (const GuestRegion& region : memory.Regions()) {
      protector.Unregister(region.address, region.size_bytes);
    }
  }

  /// Where every page was un-protected before.
  void UnregisterAll() const {
    for (const GuestRegion& region : memory.Regions()) {
      protector.UnregisterUnprotected(region.address, region.size_bytes);
    }
  }

  /// Every writer that sleeps faults once more: its fault may have been read by somebody who did not serve
  /// it.
  void WakeAll() const {
    for (const GuestRegion& region : memory.Regions()) {
      protector.Wake(region.address, region.size_bytes);
    }
  }

  /// From any native thread; the sweeper passes it on, so that the fault thread never calls into the runtime.
  void TellConsumer() {
    notify_requested.store(true, std::memory_order_seq_cst);
    sweep_wake.Signal();
  }

  void WakeFaultThread() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(fault_wake_fd, &one, sizeof one);
  }
};

}  // namespace stillframe

#include "core/capture_engine.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "core/clock.h"

namespace stillframe {

namespace {

std::optional<uint32_t> Next(FilledQueue& queue, bool wanted) { return wanted ? queue.Pop() : std::nullopt; }

/// Regions of another process that are no whole mappings are parts of what its owner registered.
bool AreWholeFiles(const GuestMemory& memory) {
  return std::all_of(memory.Regions().begin(), memory.Regions().end(),
                     [](const GuestRegion& region) { return region.file_fd >= 0; });
}

}  // namespace

CaptureEngine::CaptureEngine(int uffd, std::vector<GuestRegion> regions, const StoreOptions& options,
                             Discarded discarded, bool registers, std::function<void()> on_ready,
                             ChangeOptions changes)
    : shared_(uffd, GuestMemory(std::move(regions)), options, discarded, std::move(changes)),
      uffd_(uffd),
      is_registered_as_is_(!registers || AreWholeFiles(shared_.memory)),
      fault_thread_body_(shared_, uffd),
      sweeper_body_(shared_, std::move(on_ready)),
      arming_(shared_, sweeper_body_.Holes(), registers) {
  // Here and not in Arm, which is part of the guest's pause.
  fault_thread_ = std::thread([this] { fault_thread_body_.Run(); });
  try {
    sweeper_ = std::thread([this] { sweeper_body_.Run(); });
  } catch (...) {
    shared_.stop_faults.store(true, std::memory_order_seq_cst);
    shared_.WakeFaultThread();
    fault_thread_.join();
    throw;
  }
  // Names for ps, top and perf; 15 characters at the most.
  pthread_setname_np(fault_thread_.native_handle(), "stillframe-flt");
  pthread_setname_np(sweeper_.native_handle(), "stillframe-swp");
  if (shared_.changes.HasEarlierCut()) {
    shared_.WakeAll();
  }
}

CaptureEngine::~CaptureEngine() { Close(); }

size_t CaptureEngine::Pull(Slab** out, size_t most) {
  size_t count = 0;
  for (auto id = Next(shared_.faulted, count < most); id; id = Next(shared_.faulted, count < most)) {
    out[count++] = shared_.store.At(*id);
  }
  // The slab that faults are still being added to goes along with something else, or when nothing else is on
  // its way: by itself it would only cut the stream into small writes.
  const bool goes_along =
      count > 0 || !shared_.swept.Empty() || shared_.sweep_idle.load(std::memory_order_seq_cst);
  if (count < most && (goes_along || shared_.Complete())) {
    if (Slab* slab = shared_.current.exchange(nullptr, std::memory_order_seq_cst)) {
      if (slab->run_count > 0) {
        out[count++] = slab;
      } else {
        shared_.store.GiveBack(slab);
      }
    }
  }
  for (auto id = Next(shared_.swept, count < most); id; id = Next(shared_.swept, count < most)) {
    out[count++] = shared_.store.At(*id);
  }
  return count;
}

void CaptureEngine::Release(Slab* slab) {
  if (shared_.release_after_drain) {
    FinishDrained(*slab);
  }
  shared_.store.GiveBack(slab);
  if (shared_.fault_starved.load(std::memory_order_seq_cst)) {
    shared_.WakeFaultThread();
  }
  if (shared_.sweep_starved.exchange(false, std::memory_order_seq_cst)) {
    shared_.sweep_wake.Signal();
  }
}

/// The seed's order: save, flush, un-protect and wake.
void CaptureEngine::FinishDrained(const Slab& slab) {
  for (size_t i = 0; i < slab.run_count; ++i) {
    const SlabRun& run = slab.runs[i];
    const PagePlace place = shared_.memory.Place(run.first_page);
    int error = shared_.protector.Release(place.address, run.pages * place.page_bytes);
    while (error == EAGAIN && !shared_.Failed()) {
      sched_yield();
      error = shared_.protector.Release(place.address, run.pages * place.page_bytes);
    }
    if (error != 0 && error != EAGAIN && (error == ESRCH || shared_.discarded == Discarded::kFail)) {
      shared_.FailToRelease(error);
    }
    shared_.AwaitReader();
    // Suspect until here: a page that is not captured and is thrown away is lost.
    for (uint64_t page = run.first_page; page < run.first_page + run.pages; ++page) {
      shared_.states.MarkCaptured(page);
    }
    shared_.counters.captured_pages.fetch_add(run.pages, std::memory_order_seq_cst);
  }
  if (slab.fault_read_ns != 0) {
    shared_.counters.fault_wait.Record(MonotonicNs() - slab.fault_read_ns);
  }
}

void CaptureEngine::Grant(uint64_t pages, int64_t not_before_ns) {
  shared_.granted_pages.store(0, std::memory_order_seq_cst);
  shared_.grant_not_before_ns.store(not_before_ns, std::memory_order_seq_cst);
  shared_.granted_pages.store(pages, std::memory_order_seq_cst);
  shared_.sweep_wake.Signal();
}

bool CaptureEngine::ReadyOrNotify() {
  if (shared_.Ready()) {
    return true;
  }
  shared_.hungry.store(true, std::memory_order_seq_cst);
  // Something may have come between the look and the wish; whoever takes the wish back answers it.
  return shared_.Ready() && shared_.hungry.exchange(false, std::memory_order_seq_cst);
}

void CaptureEngine::StopSweep() {
  JoinSweeper();
  shared_.closing.store(true, std::memory_order_seq_cst);
}

void CaptureEngine::JoinSweeper() {
  if (sweeper_.joinable()) {
    shared_.granted_pages.store(0, std::memory_order_seq_cst);
    shared_.stop_sweep.store(true, std::memory_order_seq_cst);
    shared_.sweep_wake.Signal();
    sweeper_.join();
  }
}

std::optional<Watched> CaptureEngine::LeaveArmed() {
  if (uffd_ < 0 || !shared_.changes.AreNoted()) {
    return std::nullopt;
  }
  JoinSweeper();
  if (!shared_.Complete() || shared_.Failed()) {
    return std::nullopt;
  }
  JoinFaultThread();
  if (shared_.Failed()) {
    return std::nullopt;
  }
  return Watched{.uffd = UniqueFd(std::exchange(uffd_, -1)), .changed = shared_.changes.Take()};
}

void CaptureEngine::Close() {
  if (uffd_ < 0) {
    return;
  }
  // Whoever stopped the sweep may have unregistered by himself.
  const bool is_ours = !shared_.closing.load(std::memory_order_seq_cst);
  StopSweep();
  if (is_ours && EndLetGo()) {
    shared_.UnregisterAll();
  } else {
    // The fault thread, if it is still there, serves on until nothing is armed.
    shared_.DisarmAll();
  }
  JoinFaultThread();
  close(uffd_);
  uffd_ = -1;
}

/// Ends the fault thread early when everything is captured. True: then every page has been let go, too.
bool CaptureEngine::EndLetGo() {
  const bool is_let_go = !shared_.changes.AreNoted() && !shared_.changes.HasEarlierCut() &&
                         !shared_.release_after_drain && !shared_.any_gone.load(std::memory_order_seq_cst);
  if (!is_let_go || !is_registered_as_is_ || !shared_.Complete() || shared_.Failed()) {
    return false;
  }
  JoinFaultThread();
  return fault_thread_body_.Left() == 0 && !shared_.run_left.load(std::memory_order_seq_cst) &&
         !shared_.Failed();
}

void CaptureEngine::JoinFaultThread() {
  if (fault_thread_.joinable()) {
    shared_.stop_faults.store(true, std::memory_order_seq_cst);
    shared_.WakeFaultThread();
    fault_thread_.join();
  }
}

}  // namespace stillframe

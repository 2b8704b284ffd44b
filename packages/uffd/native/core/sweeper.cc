#include "core/sweeper.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/clock.h"

namespace stillframe {

namespace {

// Captured pages in between are changed together with their neighbours, which saves a system call; where most
// are captured already, as in a picture of what has changed, that would walk over all of memory.
constexpr uint64_t kGapPagesMax = 16;

// Without bytes a hole costs nothing, so it is not charged to the grant; a run of them is still cut here so
// that the sweep looks up.
constexpr uint64_t kHolePagesAtOnce = uint64_t{1} << 20;

}  // namespace

void Sweeper::Run() {
  while (!shared_.stop_sweep.load(std::memory_order_seq_cst)) {
    const uint32_t ticket = shared_.sweep_wake.Ticket();
    const int64_t now = MonotonicNs();
    PassOn(now);
    shared_.sweep_idle.store(false, std::memory_order_seq_cst);
    const bool more = TouchMore();
    if (Sweep(now) || more) {
      continue;
    }
    ReleaseDeferred();
    shared_.sweep_idle.store(true, std::memory_order_seq_cst);
    TellConsumerIfHungry();
    shared_.sweep_wake.Wait(ticket, NextDue(now));
  }
  ReleaseDeferred();  // also tells whether the last pages were still protected when they were copied
}

/// Tells the consumer what the fault thread asked to tell. A few pages of faults can wait for company: a
/// consumer that is woken for each of them takes the core that the next fault needs.
void Sweeper::PassOn(int64_t now_ns) {
  if (shared_.notify_requested.exchange(false, std::memory_order_seq_cst) && tell_due_ns_ == 0) {
    tell_due_ns_ = now_ns + kTellDelayNs;
  }
  const bool urgent =
      shared_.release_after_drain || shared_.Failed() || shared_.Complete() || !shared_.faulted.Empty();
  if (tell_due_ns_ != 0 && (urgent || now_ns >= tell_due_ns_)) {
    tell_due_ns_ = 0;
    tell_consumer_();
  }
}

/// When there is something to do even if nobody signals; 0: never.
int64_t Sweeper::NextDue(int64_t now_ns) const {
  const int64_t not_before = shared_.grant_not_before_ns.load(std::memory_order_seq_cst);
  const bool later = shared_.granted_pages.load(std::memory_order_seq_cst) > 0 && not_before > now_ns;
  if (later && tell_due_ns_ != 0) {
    return std::min(not_before, tell_due_ns_);
  }
  return later ? not_before : tell_due_ns_;
}

/// Makes the store's reserve whole again, a slab at a time. False: it is.
bool Sweeper::TouchMore() {
  if (!shared_.store.WantsMore()) {
    return false;
  }
  shared_.store.TouchMore();
  if (shared_.fault_starved.load(std::memory_order_seq_cst)) {
    shared_.WakeFaultThread();
  }
  return true;
}

/// One slab's worth. False: nothing to do until something changes.
bool Sweeper::Sweep(int64_t now_ns) {
  const uint64_t granted = shared_.granted_pages.load(std::memory_order_seq_cst);
  if (granted == 0 || shared_.grant_not_before_ns.load(std::memory_order_seq_cst) > now_ns ||
      shared_.Failed()) {
    return false;
  }
  SkipCaptured();
  if (cursor_ == shared_.memory.Pages()) {
    return false;
  }
  Slab* slab = TakeSlab();
  if (slab == nullptr) {
    return false;
  }
  slab->held_since_ns = now_ns;
  Fill(*slab, granted);
  if (slab->run_count == 0) {
    shared_.store.GiveBack(slab);  // every page was taken by a fault meanwhile, or the capture failed
    return !shared_.Failed();
  }
  Publish(slab);
  return true;
}

Slab* Sweeper::TakeSlab() {
  // With one slab for all, a waiting writer goes first.
  if (shared_.release_after_drain && shared_.fault_starved.load(std::memory_order_seq_cst)) {
    shared_.sweep_starved.store(true, std::memory_order_seq_cst);
    return nullptr;
  }
  Slab* slab = shared_.store.TakeForSweep();
  if (slab == nullptr) {
    // Ask to be woken, then look again: a slab may have come back in between.
    shared_.sweep_starved.store(true, std::memory_order_seq_cst);
    slab = shared_.store.TakeForSweep();
  }
  return slab;
}

void Sweeper::SkipCaptured() {
  while (cursor_ < shared_.memory.Pages() && shared_.states.State(cursor_) != PageState::kArmed) {
    ++cursor_;
  }
}

void Sweeper::Fill(Slab& slab, uint64_t granted) {
  uint64_t left = granted;
  while (cursor_ < shared_.memory.Pages() && left > 0 && !shared_.Failed()) {
    const size_t index = shared_.memory.RegionOf(cursor_);
    const GuestRegion& region = shared_.memory.Regions()[index];
    const HoleMap::Span span = holes_.At(index, cursor_);
    // Each page of a claim may need a run of its own, see CopyPageByPage.
    const bool has_runs = span.hole || slab.run_count + ClaimPages(region) <= slab.run_capacity;
    if (!has_runs || !slab.HasRoom(span.hole ? 0 : region.page_bytes)) {
      break;
    }
    if (span.hole) {
      // One slab of one page: there every page goes out by itself, and is charged, as in the seed.
      const uint64_t at_once = shared_.release_after_drain ? 1 : kHolePagesAtOnce;
      const uint64_t taken = FillHole(slab, index, std::min(span.end_page, cursor_ + at_once));
      left -= shared_.release_after_drain ? taken : 0;
    } else {
      left -= FillData(slab, index, span.end_page, left);
    }
    SkipCaptured();
  }
  // What was granted since we looked replaces the old grant, so only an unchanged one is charged.
  uint64_t expected = granted;
  shared_.granted_pages.compare_exchange_strong(expected, left, std::memory_order_seq_cst);
}

uint64_t Sweeper::ClaimPages(const GuestRegion& region) const {
  return shared_.release_after_drain ? 1 : std::max<uint64_t>(1, kClaimBytes / region.page_bytes);
}

/// Claims holes in [cursor, end) and notes them as zero. Returns the pages taken; the cursor moves past them.
uint64_t Sweeper::FillHole(Slab& slab, size_t region_index, uint64_t end) {
  const uint64_t region_first = shared_.memory.FirstPage(region_index);
  const uint64_t first = cursor_;
  Suspect(first, end);
  while (cursor_ < end && shared_.states.Claim(cursor_)) {
    ++cursor_;
  }
  const uint64_t taken = cursor_ - first;
  if (taken > 0) {
    slab.Append(first, taken, 0, true, region_first);
    shared_.counters.swept_pages.fetch_add(taken, std::memory_order_relaxed);
    shared_.counters.zero_pages.fetch_add(taken, std::memory_order_relaxed);
    if (!shared_.release_after_drain) {
      for (uint64_t page = first; page < cursor_; ++page) {
        shared_.states.MarkCaptured(page);
      }
      shared_.counters.captured_pages.fetch_add(taken, std::memory_order_seq_cst);
    }
  }
  Defer(first, cursor_);
  return taken;
}

/// Copies pages from the cursor until the slab, the span or the grant is used up, a few at a time.
uint64_t Sweeper::FillData(Slab& slab, size_t region_index, uint64_t end, uint64_t granted) {
  const GuestRegion& region = shared_.memory.Regions()[region_index];
  const uint64_t region_first = shared_.memory.FirstPage(region_index);
  const uint64_t claim_most = ClaimPages(region);
  const uint64_t first = cursor_;
  uint64_t taken = 0;
  uint64_t run_end = first;
  Suspect(first, end);
  while (cursor_ < end && taken < granted && slab.HasRoom(region.page_bytes) &&
         slab.run_count + claim_most <= slab.run_capacity) {
    const uint64_t room = (slab.capacity_bytes - slab.used_bytes) / region.page_bytes;
    const uint64_t most = std::min({claim_most, end - cursor_, granted - taken, room});
    uint64_t claimed = 0;
    while (claimed < most && shared_.states.Claim(cursor_ + claimed)) {
      ++claimed;
    }
    if (claimed == 0) {
      // A captured page in between may be un-protected with its neighbours; one being captured may not (I-2).
      // Nor where memory may be gone: then all of a run must be there to be un-protected.
      if (shared_.states.State(cursor_) != PageState::kCaptured ||
          shared_.any_gone.load(std::memory_order_seq_cst) || cursor_ - run_end == kGapPagesMax) {
        break;
      }
      ++cursor_;
      continue;
    }
    if (!CopyPages(slab, region, region_first, cursor_, claimed)) {
      break;
    }
    cursor_ += claimed;
    run_end = cursor_;
    taken += claimed;
    if (shared_.release_after_drain) {
      break;
    }
  }
  Defer(first, run_end);
  return taken;
}

bool Sweeper::CopyPages(Slab& slab, const GuestRegion& region, uint64_t region_first, uint64_t first,
                        uint64_t pages) {
  const size_t bytes = pages * region.page_bytes;
  const ReadResult read = GuestMemory::Read(
      region, region.address + (first - region_first) * region.page_bytes, slab.Next(), bytes);
  if (read == ReadResult::kOk) {
    slab.Append(first, pages, bytes, false, region_first);
    shared_.store.AddHeld(bytes);
  } else if (read == ReadResult::kGone || shared_.discarded == Discarded::kFail) {
    shared_.FailToRead(read);
    return false;
  } else if (!CopyPageByPage(slab, region, region_first, first, pages)) {
    return false;
  }
  shared_.counters.swept_pages.fetch_add(pages, std::memory_order_relaxed);
  if (!shared_.release_after_drain) {
    for (uint64_t page = first; page < first + pages; ++page) {
      shared_.states.MarkCaptured(page);
    }
    shared_.counters.captured_pages.fetch_add(pages, std::memory_order_seq_cst);
  }
  return true;
}

/// Some of the pages are unmapped, and the guest may throw pages away: those come as zeros.
bool Sweeper::CopyPageByPage(Slab& slab, const GuestRegion& region, uint64_t region_first, uint64_t first,
                             uint64_t pages) {
  for (uint64_t page = first; page < first + pages; ++page) {
    const uint64_t address = region.address + (page - region_first) * region.page_bytes;
    const ReadResult read = GuestMemory::Read(region, address, slab.Next(), region.page_bytes);
    if (read == ReadResult::kGone) {
      shared_.FailToRead(read);
      return false;
    }
    const bool lost = read != ReadResult::kOk;
    slab.Append(page, 1, lost ? 0 : region.page_bytes, lost, region_first);
    if (lost) {
      shared_.counters.lost_pages.fetch_add(1, std::memory_order_seq_cst);
      shared_.counters.zero_pages.fetch_add(1, std::memory_order_relaxed);
    } else {
      shared_.store.AddHeld(region.page_bytes);
    }
  }
  return true;
}

/// From before the first copy: what is captured from here on is suspect until it is un-protected.
void Sweeper::Suspect(uint64_t first, uint64_t end) {
  if (deferred_end_ != first) {
    ReleaseDeferred();
  }
  if (deferred_first_ == deferred_end_) {
    deferred_first_ = deferred_end_ = first;
    shared_.run_damaged.store(false, std::memory_order_seq_cst);
    shared_.run_first.store(first, std::memory_order_seq_cst);
  }
  shared_.run_end.store(end, std::memory_order_seq_cst);
}

/// [first, end) is captured, and follows what is deferred. Whole huge pages are un-protected in one piece:
/// that keeps them huge for the guest, and each un-protect interrupts every core that runs in it.
void Sweeper::Defer(uint64_t first, uint64_t end) {
  if (shared_.release_after_drain) {
    deferred_end_ = deferred_first_;  // the consumer releases
    shared_.run_end.store(0, std::memory_order_seq_cst);
    return;
  }
  deferred_end_ = end;
  if (end == first) {
    return;
  }
  const size_t region = shared_.memory.RegionOf(first);
  const PagePlace last = shared_.memory.Place(end - 1);
  if (end == shared_.memory.EndPage(region) || (last.address + last.page_bytes) % kHugePageBytes == 0) {
    ReleaseDeferred();
  }
}

/// Un-protects and wakes the writers. EAGAIN lasts until the fault thread has read an event.
void Sweeper::ReleaseDeferred() {
  if (deferred_first_ != deferred_end_) {
    const PagePlace place = shared_.memory.Place(deferred_first_);
    const uint64_t bytes = (deferred_end_ - deferred_first_) * place.page_bytes;
    int error = shared_.LetGo(place.address, bytes);
    while (error == EAGAIN && !shared_.Failed() && !shared_.stop_sweep.load(std::memory_order_seq_cst)) {
      sched_yield();
      error = shared_.LetGo(place.address, bytes);
    }
    if (error == EAGAIN) {
      shared_.run_left.store(true, std::memory_order_seq_cst);
    } else if (error != 0) {
      shared_.AwaitEvents();
      if (error != ESRCH && shared_.run_damaged.load(std::memory_order_seq_cst)) {
        ReleasePageByPage();  // a part of it is not there any more
      } else {
        shared_.FailToRelease(error);
      }
    }
    shared_.AwaitReader();
  }
  deferred_first_ = deferred_end_ = 0;
  shared_.run_end.store(0, std::memory_order_seq_cst);
}

void Sweeper::ReleasePageByPage() const {
  for (uint64_t page = deferred_first_; page < deferred_end_; ++page) {
    const PagePlace place = shared_.memory.Place(page);
    while (shared_.LetGo(place.address, place.page_bytes) == EAGAIN && !shared_.Failed() &&
           !shared_.stop_sweep.load(std::memory_order_seq_cst)) {
      sched_yield();
    }
  }
}

void Sweeper::Publish(Slab* slab) {
  shared_.swept.Push(slab->id);
  // A consumer that is faster than the sweep is woken for several slabs at once; when the sweep rests it is
  // told of what there is.
  if (shared_.swept.Size() >= kTellSlabs) {
    TellConsumerIfHungry();
  }
}

void Sweeper::TellConsumerIfHungry() {
  if (shared_.Ready() && shared_.hungry.exchange(false, std::memory_order_seq_cst)) {
    tell_consumer_();
  }
}

}  // namespace stillframe

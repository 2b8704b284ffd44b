#include "core/fault_thread.h"

#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>

#include "core/clock.h"
#include "kernel/abi.h"

namespace stillframe {

namespace {

// A writer waits for this thread, so it goes before the sweeper and before JavaScript. Best effort: needs
// CAP_SYS_NICE.
constexpr int kNice = -15;

// poll(2) that finds something takes about a microsecond.
constexpr int64_t kNoSleepNs = 5'000;

constexpr uint64_t kSmallPageBytes = 4096;
constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;

void GoFirst() {
  const auto thread = static_cast<id_t>(syscall(SYS_gettid));
  setpriority(PRIO_PROCESS, thread, kNice);
}

}  // namespace

void FaultThread::Run() {
  GoFirst();
  while (!shared_.stop_faults.load(std::memory_order_seq_cst)) {
    WaitForWork();
    if (!cut_) {
      shared_.before_cut.Lock();
      cut_ = shared_.before_cut.IsOver();
      if (cut_) {
        // A fault of the capture has not arrived before its cut, however long ago we last looked.
        arrival_ns_ = std::max(arrival_ns_, shared_.before_cut.OverSinceNs());
        shared_.before_cut.Unlock();
      }
    }
    const bool gated = !cut_;
    slab_ = shared_.current.exchange(nullptr, std::memory_order_seq_cst);
    RetryPending();
    while (pending_count_ + kBatch <= kPendingMax && ReadEvents()) {
    }
    PublishLost();
    if (slab_ != nullptr) {
      shared_.current.store(slab_, std::memory_order_seq_cst);
      slab_ = nullptr;
    }
    if (gated) {
      shared_.before_cut.Unlock();
    }
    shared_.fault_passes.fetch_add(1, std::memory_order_seq_cst);
    TellConsumerIfHungry();
  }
}

void FaultThread::WaitForWork() {
  if (spin_) {
    sched_yield();
    return;
  }
  const int64_t before_ns = MonotonicNs();
  // With a full pending list only a slab given back can help: events stay in the kernel meanwhile.
  const bool read_more = pending_count_ + kBatch <= kPendingMax;
  std::array<pollfd, 2> ready{{{.fd = shared_.fault_wake_fd, .events = POLLIN, .revents = 0},
                               {.fd = read_more ? uffd_ : -1, .events = POLLIN, .revents = 0}}};
  poll(ready.data(), ready.size(), -1);
  // What was there at once came while we were busy: after the last look at the latest. What woke us came now,
  // give or take the time that waking takes.
  const int64_t now_ns = MonotonicNs();
  if (now_ns - before_ns > kNoSleepNs) {
    arrival_ns_ = now_ns;
  }
  if (ready[0].revents != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(shared_.fault_wake_fd, &count, sizeof count);
  }
}

bool FaultThread::ReadEvents() {
  std::array<abi::UffdMsg, kBatch> messages;
  shared_.reading.fetch_add(1, std::memory_order_seq_cst);
  const ssize_t got = read(uffd_, messages.data(), sizeof messages);
  const int error = got < 0 ? errno : 0;
  const size_t count = got > 0 ? static_cast<size_t>(got) / sizeof(abi::UffdMsg) : 0;
  const std::span<const abi::UffdMsg> batch(messages.data(), count);
  // Before the faults: what they would read may be gone.
  for (const abi::UffdMsg& message : batch) {
    OnEvent(message);
  }
  shared_.reading.fetch_add(1, std::memory_order_seq_cst);
  const int64_t now = MonotonicNs();
  for (const abi::UffdMsg& message : batch) {
    if (message.event == abi::kEventPagefault) {
      OnFault(message.arg.pagefault.address, now);
    }
  }
  if (error != 0 && error != EAGAIN && error != EINTR &&
      !shared_.stop_faults.load(std::memory_order_seq_cst)) {
    shared_.Fail(Failure::kUffdFailed);
  }
  arrival_ns_ = now;
  return count == kBatch;
}

void FaultThread::OnEvent(const abi::UffdMsg& message) {
  switch (message.event) {
    case abi::kEventRemove:
    case abi::kEventUnmap:
      OnGone(message.arg.remove.start, message.arg.remove.end, Failure::kGuestDiscarded);
      break;
    case abi::kEventRemap:
      OnGone(message.arg.remap.from, message.arg.remap.from + message.arg.remap.len, Failure::kGuestRemapped);
      break;
    case abi::kEventFork:
      close(static_cast<int>(message.arg.fork.ufd));
      break;
    default:
      break;
  }
}

void FaultThread::OnFault(uint64_t address, int64_t read_ns) {
  if (cut_) {
    shared_.counters.faults.fetch_add(1, std::memory_order_relaxed);
    shared_.counters.last_fault_read_ns.store(read_ns, std::memory_order_relaxed);
  } else {
    shared_.counters.early_faults.fetch_add(1, std::memory_order_relaxed);
  }
  const Pending fault{.address = address, .arrival_ns = arrival_ns_};
  if (Serve(fault) != Outcome::kDone) {
    pending_[pending_count_++] = fault;
  }
}

void FaultThread::RetryPending() {
  spin_ = false;
  size_t kept = 0;
  for (size_t i = 0; i < pending_count_; ++i) {
    const Pending pending = pending_[i];
    const Outcome outcome = Serve(pending);
    if (outcome != Outcome::kDone) {
      pending_[kept++] = pending;
    }
    if (outcome == Outcome::kNoSlab) {
      // No slab for this one is no slab for the rest.
      while (++i < pending_count_) {
        pending_[kept++] = pending_[i];
      }
    }
  }
  pending_count_ = kept;
  if (kept == 0) {
    shared_.fault_starved.store(false, std::memory_order_seq_cst);
  }
}

FaultThread::Outcome FaultThread::Serve(const Pending& fault) {
  const auto at = shared_.memory.PageAt(fault.address);
  if (!cut_ || !at || shared_.Failed()) {
    return LetThrough(fault.address);
  }
  const uint64_t page = *at;
  switch (shared_.states.State(page)) {
    case PageState::kCaptured:
      return Release(page, fault.arrival_ns);
    case PageState::kClaimed:
      if (shared_.release_after_drain) {
        return Outcome::kDone;  // on its way to the sink; its release there wakes this writer too
      }
      spin_ = true;
      return Outcome::kClaimedElsewhere;
    case PageState::kArmed:
      break;
  }
  return Capture(page, fault.arrival_ns);
}

/// A write that loses nothing: before the cut, after a failure, or to memory that is not (or no longer) the
/// guest's, such as where the guest has moved protected pages to.
FaultThread::Outcome FaultThread::LetThrough(uint64_t address) {
  const auto page = shared_.memory.PageAt(address);
  const PagePlace place =
      page ? shared_.memory.Place(*page) : PagePlace{.region = 0, .address = 0, .page_bytes = 0};
  const uint64_t bytes = page ? place.page_bytes : kSmallPageBytes;
  const uint64_t start = page ? place.address : address & ~(kSmallPageBytes - 1);
  const int error = shared_.protector.Release(start, bytes);
  if (error == EAGAIN) {
    spin_ = true;
    return Outcome::kAddressSpaceChanging;
  }
  if (error == EINVAL && !page) {
    shared_.protector.Release(address & ~(kHugePageBytes - 1), kHugePageBytes);
  }
  if (!cut_ && page) {
    shared_.before_cut.Note(start, start + bytes);
    shared_.changes.Note(*page, *page + 1);
  }
  return Outcome::kDone;
}

FaultThread::Outcome FaultThread::Capture(uint64_t page, int64_t arrival_ns) {
  const size_t index = shared_.memory.RegionOf(page);
  const GuestRegion& region = shared_.memory.Regions()[index];
  const uint64_t first = shared_.memory.FirstPage(index);
  // Room before the claim: a claimed page without a slot would keep its writer until one is free.
  if (!HaveRoom(region.page_bytes)) {
    if (shared_.store.SpillError() != 0) {
      shared_.Fail(Failure::kSpillFailed);
      return Outcome::kDone;
    }
    if (shared_.overflow == Overflow::kAbort) {
      shared_.Fail(Failure::kStoreFull);
      return Outcome::kDone;
    }
    return Outcome::kNoSlab;
  }
  if (!shared_.states.Claim(page)) {
    spin_ = true;
    return Outcome::kClaimedElsewhere;
  }
  const uint64_t address = region.address + (page - first) * region.page_bytes;
  const ReadResult read = GuestMemory::Read(region, address, slab_->Next(), region.page_bytes);
  if (read != ReadResult::kOk) {
    shared_.FailToRead(read);
    return Outcome::kDone;
  }
  if (slab_->run_count == 0) {
    slab_->held_since_ns = arrival_ns;
  }
  slab_->Append(page, 1, region.page_bytes, false, first);
  shared_.store.AddHeld(region.page_bytes);
  shared_.counters.fault_pages.fetch_add(1, std::memory_order_relaxed);
  if (shared_.release_after_drain) {
    slab_->fault_read_ns = arrival_ns;
    Publish(slab_);
    slab_ = nullptr;
    return Outcome::kDone;
  }
  shared_.states.MarkCaptured(page);
  shared_.counters.captured_pages.fetch_add(1, std::memory_order_seq_cst);
  return Release(page, arrival_ns);
}

FaultThread::Outcome FaultThread::Release(uint64_t page, int64_t arrival_ns) {
  const PagePlace place = shared_.memory.Place(page);
  shared_.changes.Note(page, page + 1);
  const int error = shared_.protector.Release(place.address, place.page_bytes);
  if (error == EAGAIN) {
    spin_ = true;
    return Outcome::kAddressSpaceChanging;
  }
  // ENOENT, EINVAL: the mapping went away between the fault and now, and its writer with it: an event has
  // said so. Otherwise somebody has lifted the protection, and what was copied may be newer. ESRCH: the
  // process is gone.
  if ((error == ENOENT || error == EINVAL) && !shared_.any_gone.load(std::memory_order_seq_cst) &&
      !shared_.closing.load(std::memory_order_seq_cst)) {
    shared_.Fail(Failure::kDisarmed);
  }
  shared_.counters.fault_wait.Record(MonotonicNs() - arrival_ns);
  return Outcome::kDone;
}

bool FaultThread::HaveRoom(size_t page_bytes) {
  if (slab_ != nullptr && slab_->HasRoom(page_bytes)) {
    return true;
  }
  if (slab_ != nullptr) {
    Publish(slab_);
    slab_ = nullptr;
  }
  slab_ = shared_.store.TakeForFault();
  if (slab_ == nullptr) {
    // Ask to be woken, then look again: a slab may have come back in between.
    shared_.fault_starved.store(true, std::memory_order_seq_cst);
    slab_ = shared_.store.TakeForFault();
  }
  if (shared_.store.WantsMore()) {
    shared_.sweep_wake.Signal();
  }
  return slab_ != nullptr;
}

void FaultThread::Publish(Slab* slab) {
  shared_.store.Settle(*slab);
  shared_.faulted.Push(slab->id);
}

/// The guest took pages away. In the kernel the range starts to change before the pages go, and from then on
/// until this event is read every un-protect fails with EAGAIN: so what was un-protected before was copied
/// before. Suspect is what is not captured, and what is captured but not un-protected: the sweeper's run, and
/// our own pages on the pending list.
void FaultThread::OnGone(uint64_t start, uint64_t end, Failure why) {
  shared_.memory.ForOverlap(start, end,
                            [this](uint64_t first, uint64_t past) { shared_.changes.Note(first, past); });
  if (!cut_) {
    shared_.before_cut.Note(start, end);
    return;
  }
  shared_.any_gone.store(true, std::memory_order_seq_cst);
  shared_.memory.ForOverlap(start, end, [&](uint64_t first, uint64_t past) {
    if (shared_.discarded == Discarded::kZero) {
      Lose(first, past, why);
    } else if (AnyLost(first, past)) {
      shared_.Fail(why);
    }
  });
}

bool FaultThread::AnyLost(uint64_t first, uint64_t past) const {
  for (uint64_t page = first; page < past; ++page) {
    if (shared_.states.State(page) != PageState::kCaptured) {
      return true;
    }
  }
  const uint64_t run_first = shared_.run_first.load(std::memory_order_seq_cst);
  const uint64_t run_end = shared_.run_end.load(std::memory_order_seq_cst);
  if (run_first < past && first < run_end) {
    return true;
  }
  for (size_t i = 0; i < pending_count_; ++i) {
    const auto page = shared_.memory.PageAt(pending_[i].address);
    if (page && *page >= first && *page < past) {
      return true;
    }
  }
  return false;
}

/// Claims what nobody has copied yet, so that nobody reads what comes there next. What was being copied may
/// be right, or not: it counts as lost.
void FaultThread::Lose(uint64_t first, uint64_t past, Failure why) {
  uint64_t lost = 0;
  for (uint64_t page = first; page < past;) {
    uint64_t pages = 0;
    while (page + pages < past && shared_.states.Claim(page + pages)) {
      ++pages;
    }
    if (pages > 0 && lost_count_ == kLostMax) {
      shared_.Fail(why);
      return;
    }
    if (pages > 0) {
      lost_[lost_count_++] = {.first_page = page, .pages = pages};
    }
    page += pages;
    lost += pages;
    // On its way to the sink, and protected until it is there: perhaps copied too late.
    lost += shared_.release_after_drain && page < past && shared_.states.State(page) == PageState::kClaimed
                ? 1
                : 0;
    ++page;
  }
  const uint64_t from = std::max(first, shared_.run_first.load(std::memory_order_seq_cst));
  const uint64_t to = std::min(past, shared_.run_end.load(std::memory_order_seq_cst));
  if (from < to) {
    shared_.run_damaged.store(true, std::memory_order_seq_cst);
    lost += to - from;
  }
  shared_.counters.lost_pages.fetch_add(lost, std::memory_order_seq_cst);
}

void FaultThread::PublishLost() {
  while (lost_count_ > 0 && !shared_.Failed() && HaveRoom(0)) {
    const Lost lost = lost_[--lost_count_];
    if (slab_->run_count == 0) {
      slab_->held_since_ns = MonotonicNs();
    }
    slab_->Append(lost.first_page, lost.pages, 0, true,
                  shared_.memory.FirstPage(shared_.memory.RegionOf(lost.first_page)));
    shared_.counters.zero_pages.fetch_add(lost.pages, std::memory_order_relaxed);
    if (shared_.release_after_drain) {
      Publish(slab_);
      slab_ = nullptr;
      continue;
    }
    for (uint64_t page = lost.first_page; page < lost.first_page + lost.pages; ++page) {
      shared_.states.MarkCaptured(page);
    }
    shared_.counters.captured_pages.fetch_add(lost.pages, std::memory_order_seq_cst);
  }
}

void FaultThread::TellConsumerIfHungry() {
  if (shared_.Ready() && shared_.hungry.exchange(false, std::memory_order_seq_cst)) {
    shared_.TellConsumer();
  }
}

}  // namespace stillframe

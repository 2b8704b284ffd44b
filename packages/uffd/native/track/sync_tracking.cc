#include "track/sync_tracking.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

#include "core/clock.h"
#include "kernel/memory.h"
#include "kernel/pagemap.h"
#include "kernel/userfault.h"
#include "track/span_pages.h"

namespace stillframe {

namespace {

constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ, Linux 5.14
constexpr uint64_t kSmallPageBytes = 4096;
constexpr size_t kEntriesAtOnce = 512;
constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;
// Protecting a page that is protected costs less than another system call.
constexpr uint64_t kJoinGapPages = 16;
// System calls for which the gate is held at a time: the thread that writers wait for gets its turn.
constexpr int kCallsAtOnce = 16;

}  // namespace

SyncTracking::SyncTracking(UniqueFd uffd, UniqueFd pagemap, const GuestMemory& memory, bool populates)
    : SyncTracking({.uffd = std::move(uffd), .changed = DirtyBitmap(memory.Pages())}, std::move(pagemap),
                   memory, populates) {}

SyncTracking::SyncTracking(Watched watched, const GuestMemory& memory)
    : SyncTracking(std::move(watched), UniqueFd(), memory, false) {
  for (const GuestRegion& region : memory.Regions()) {
    protector_.Wake(region.address, region.size_bytes);
  }
}

SyncTracking::SyncTracking(Watched watched, UniqueFd pagemap, const GuestMemory& memory, bool populates)
    : uffd_(std::move(watched.uffd)),
      pagemap_(std::move(pagemap)),
      protector_(uffd_.get()),
      populates_(populates),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      memory_(memory),
      noted_(std::move(watched.changed)),
      discarded_(memory.Pages()),
      thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), "stillframe-trk");
}

SyncTracking::~SyncTracking() { Close(memory_); }

void SyncTracking::Run() {
  while (!stop_.load(std::memory_order_seq_cst)) {
    WaitForWork();
    const std::scoped_lock gate(gate_);
    RetryPending();
    ReadEvents();
  }
}

void SyncTracking::WaitForWork() {
  std::array<pollfd, 2> ready{{{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                               {.fd = uffd_.get(), .events = POLLIN, .revents = 0}}};
  // Of what is pending the due times alone are changed by others, who wake this thread.
  timespec timeout{};
  const bool waits = pending_count_ == 0;
  if (!waits) {
    const int64_t left_ns = std::max<int64_t>(0, NextDue() - MonotonicNs());
    timeout = {.tv_sec = left_ns / 1'000'000'000, .tv_nsec = left_ns % 1'000'000'000};
    if (left_ns == 0) {
      // It waits for the kernel to finish a change of the address space: a matter of microseconds.
      sched_yield();
    }
  }
  const bool read_more = pending_count_ + kBatch <= kPendingMax;
  ready[1].fd = read_more ? uffd_.get() : -1;
  ppoll(ready.data(), ready.size(), waits ? nullptr : &timeout, nullptr);
  if (ready[0].revents != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(wake_.get(), &count, sizeof count);
  }
}

int64_t SyncTracking::NextDue() {
  const std::scoped_lock gate(gate_);
  int64_t due = INT64_MAX;
  for (size_t i = 0; i < pending_count_; ++i) {
    due = std::min(due, pending_[i].due_ns);
  }
  return due;
}

void SyncTracking::ReadEvents() {
  if (pending_count_ + kBatch > kPendingMax) {
    return;
  }
  std::array<abi::UffdMsg, kBatch> messages;
  const SysResult got = UffdRead(uffd_.get(), messages.data(), sizeof messages);
  const size_t count = got.ok() ? static_cast<size_t>(got.value) / sizeof(abi::UffdMsg) : 0;
  for (size_t i = 0; i < count; ++i) {
    OnEvent(messages[i]);
  }
}

void SyncTracking::OnEvent(const abi::UffdMsg& message) {
  const auto note = [this](uint64_t first, uint64_t past) { noted_.Set(first, past); };
  switch (message.event) {
    case abi::kEventPagefault: {
      ++faults_;
      const int64_t now = brake_.IsOn() ? MonotonicNs() : 0;
      const Pending fault{.address = message.arg.pagefault.address, .due_ns = brake_.Hold(now)};
      if (fault.due_ns > now || !LetThrough(fault.address)) {
        pending_[pending_count_++] = fault;
      }
      break;
    }
    case abi::kEventRemove:
      memory_.ForOverlap(message.arg.remove.start, message.arg.remove.end,
                         [this](uint64_t first, uint64_t past) {
                           noted_.Set(first, past);
                           discarded_.Set(first, past);
                         });
      break;
    case abi::kEventUnmap:
      memory_.ForOverlap(message.arg.remove.start, message.arg.remove.end, note);
      break;
    case abi::kEventRemap:
      memory_.ForOverlap(message.arg.remap.from, message.arg.remap.from + message.arg.remap.len, note);
      break;
    case abi::kEventFork:
      close(static_cast<int>(message.arg.fork.ufd));
      break;
    default:
      break;
  }
}

void SyncTracking::RetryPending() {
  const int64_t now = pending_count_ > 0 ? MonotonicNs() : 0;
  size_t kept = 0;
  for (size_t i = 0; i < pending_count_; ++i) {
    if (pending_[i].due_ns > now || !LetThrough(pending_[i].address)) {
      pending_[kept++] = pending_[i];
    }
  }
  pending_count_ = kept;
}

/// Notes the page, then lets its writer go on. False: to be tried again.
bool SyncTracking::LetThrough(uint64_t address) {
  const auto page = memory_.PageAt(address);
  uint64_t start = address & ~(kSmallPageBytes - 1);
  uint64_t bytes = kSmallPageBytes;
  if (page) {
    const PagePlace place = memory_.Place(*page);
    start = place.address;
    bytes = place.page_bytes;
    noted_.Set(*page);
  }
  const int error = protector_.Release(start, bytes);
  if (error == EINVAL && !page) {
    // Memory that is no longer named, or was moved: of huge pages perhaps.
    protector_.Release(address & ~(kHugePageBytes - 1), kHugePageBytes);
  }
  return error != EAGAIN;
}

/// The pages [first, past) of the span. Holding the gate, which is given up while an event is unread.
int SyncTracking::Protect(std::unique_lock<std::mutex>& gate, const TrackedSpan& span, uint64_t first,
                          uint64_t past) {
  const uint64_t page_bytes = span.region.page_bytes;
  const uint64_t address = span.address + (first - span.first_page) * page_bytes;
  const uint64_t bytes = (past - first) * page_bytes;
  if (populates_) {
    Madvise(address, bytes, kPopulateRead);
  }
  int error = protector_.Protect(address, bytes);
  while (error == EAGAIN && !stop_.load(std::memory_order_seq_cst)) {
    gate.unlock();
    WakeThread();
    sched_yield();
    gate.lock();
    error = protector_.Protect(address, bytes);
  }
  if (error == ENOENT && protector_.Register(address, bytes) == 0) {
    // Other memory was mapped there since; an event has told of it.
    error = protector_.Protect(address, bytes);
  }
  return error;
}

/// Holding the gate, which is given up while the kernel is asked: what is seen unprotected then has changed.
void SyncTracking::NoteDiscarded(std::unique_lock<std::mutex>& gate, uint64_t first, uint64_t past) {
  std::array<uint64_t, kEntriesAtOnce> entries;
  for (first = discarded_.Find(true, first, past); first < past; first = discarded_.Find(true, first, past)) {
    const PagePlace place = memory_.Place(first);
    const uint64_t entries_of_page = place.page_bytes / kSmallPageBytes;
    // Of a huge page the first entry says it.
    const uint64_t pages =
        entries_of_page > 1 ? 1
                            : std::min<uint64_t>(entries.size(), discarded_.Find(false, first, past) - first);
    gate.unlock();
    const SysResult read = PagemapRead(pagemap_.get(), place.address, entries.data(), pages);
    gate.lock();
    const uint64_t known = read.ok() ? static_cast<uint64_t>(read.value) / sizeof entries[0] : 0;
    for (uint64_t i = 0; i < pages; ++i) {
      if (i >= known || (entries[i] & kEntryIsProtected) == 0) {
        noted_.Set(first + i);
      }
    }
    first += pages;
  }
}

int SyncTracking::Start(const TrackedSpan& span) {
  std::unique_lock gate(gate_);
  const uint64_t past = span.first_page + span.bytes / span.region.page_bytes;
  const int error = Protect(gate, span, span.first_page, past);
  if (error == 0) {
    noted_.Clear(span.first_page, past);
  }
  return error;
}

int SyncTracking::Collect(const TrackedSpan& span, DirtyBitmap& written) {
  std::unique_lock gate(gate_);
  const uint64_t past = span.first_page + span.bytes / span.region.page_bytes;
  NoteDiscarded(gate, span.first_page, past);
  int calls = 0;
  for (uint64_t first = noted_.Find(true, span.first_page, past); first < past;) {
    uint64_t end = noted_.Find(false, first, past);
    for (uint64_t next = noted_.Find(true, end, past); next < past && next - end <= kJoinGapPages;
         next = noted_.Find(true, end, past)) {
      end = noted_.Find(false, next, past);
    }
    if (const int error = Protect(gate, span, first, end)) {
      return error;
    }
    noted_.ForRuns(first, end, [&](uint64_t from, uint64_t to) { written.Set(from, to); });
    noted_.Clear(first, end);
    if (++calls % kCallsAtOnce == 0) {
      gate.unlock();
      sched_yield();
      gate.lock();
    }
    first = noted_.Find(true, end, past);
  }
  return 0;
}

int SyncTracking::Count(const TrackedSpan& span, DirtyBitmap& written) {
  std::unique_lock gate(gate_);
  const uint64_t past = span.first_page + span.bytes / span.region.page_bytes;
  NoteDiscarded(gate, span.first_page, past);
  noted_.ForRuns(span.first_page, past, [&](uint64_t from, uint64_t to) { written.Set(from, to); });
  return 0;
}

int SyncTracking::Use(const GuestMemory& /*before*/, const GuestMemory& now) {
  const std::scoped_lock gate(gate_);
  const AddressRanges fresh = Subtract(AddressesOf(now), AddressesOf(memory_));
  for (const AddressRange& range : fresh) {
    if (const int error = protector_.Register(range.start, range.end - range.start)) {
      return error;
    }
  }
  DirtyBitmap noted = Renumbered(noted_, memory_, now);
  for (const AddressRange& range : fresh) {
    now.ForOverlap(range.start, range.end, [&](uint64_t first, uint64_t past) { noted.Set(first, past); });
  }
  discarded_ = Renumbered(discarded_, memory_, now);
  noted_ = std::move(noted);
  memory_ = now;
  return 0;
}

bool SyncTracking::SetBrake(int64_t delay_ns, double max_share) {
  {
    const std::scoped_lock gate(gate_);
    const int64_t now = MonotonicNs();
    brake_.Set(delay_ns, max_share, now);
    for (size_t i = 0; i < pending_count_; ++i) {
      pending_[i].due_ns = std::min(pending_[i].due_ns, now + delay_ns);
    }
  }
  WakeThread();
  return true;
}

TrackingCounts SyncTracking::Counts() {
  const std::scoped_lock gate(gate_);
  return {.faults = faults_, .held_ns = brake_.HeldNs()};
}

void SyncTracking::Close(const GuestMemory& /*memory*/) {
  if (!thread_.joinable()) {
    return;
  }
  // The thread serves on until nothing is protected; what is woken meanwhile finds no protection.
  for (const GuestRegion& region : memory_.Regions()) {
    protector_.Unregister(region.address, region.size_bytes);
  }
  Join();
  uffd_.Close();  // wakes whoever is left
}

Watched SyncTracking::HandOver() {
  Join();
  return {.uffd = std::move(uffd_), .changed = std::move(noted_)};
}

void SyncTracking::Join() {
  stop_.store(true, std::memory_order_seq_cst);
  WakeThread();
  thread_.join();
}

void SyncTracking::WakeThread() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

}  // namespace stillframe

#include "serve/page_server.h"

#include <fcntl.h>
#include <sys/eventfd.h>

#include <array>
#include <system_error>
#include <utility>

#include "core/clock.h"
#include "serve/crc32c.h"

namespace stillframe {
namespace {

constexpr size_t kEventsAtOnce = 64;
/// How long is waited for an owner that has raised an event and has not gone on yet.
constexpr int64_t kRetryNs = 20'000;

uint64_t KeyOf(const PageSpan& page) { return uint64_t{page.region} << 44 | page.first_page; }

void Pause() {
  const timespec time{.tv_sec = 0, .tv_nsec = kRetryNs};
  nanosleep(&time, nullptr);
}

bool ReadAll(int fd, std::byte* into, uint64_t size_bytes, uint64_t offset) {
  while (size_bytes > 0) {
    const ssize_t count = pread(fd, into, size_bytes, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return false;
    }
    into += count;
    offset += static_cast<uint64_t>(count);
    size_bytes -= static_cast<uint64_t>(count);
  }
  return true;
}

}  // namespace

PageServer::PageServer(UniqueFd uffd, UniqueFd install_uffd, std::vector<ServedRegion> regions,
                       std::vector<ServedView> views)
    : memory_(std::move(uffd), std::move(install_uffd), std::move(regions), std::move(views)),
      blocks_(memory_.RegionCount()),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_fd_) {
    throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  fault_thread_ = std::thread([this] { ServeFaults(); });
  try {
    ahead_thread_ = std::thread([this] { RunAhead(); });
  } catch (...) {
    Close(false);
    throw;
  }
}

PageServer::~PageServer() { Close(true); }

void PageServer::SignalFaultThread() {
  const uint64_t one = 1;
  static_cast<void>(!write(wake_fd_.get(), &one, sizeof one));
}

void PageServer::SetFailure(ServeFailure failure, int error) {
  ServeFailure none = ServeFailure::kNone;
  if (failure_.compare_exchange_strong(none, failure)) {
    failure_errno_.store(error);
  }
}

Installed PageServer::Deal(Installed outcome) {
  if (outcome == Installed::kOwnerGone) {
    owner_gone_.store(true);
    TellListeners();
  }
  if (outcome == Installed::kRefused) {
    SetFailure(ServeFailure::kKernel, memory_.last_error());
  }
  return outcome;
}

void PageServer::ServeFaults() {
  std::vector<std::byte> buffer;
  std::vector<Fault> faults;
  while (!stopping_.load(std::memory_order_acquire)) {
    bool is_idle = true;
    {
      const Lock lock(lock_);
      is_idle = backlog_.empty();
    }
    std::array<pollfd, 2> polled{pollfd{memory_.uffd(), POLLIN, 0}, pollfd{wake_fd_.get(), POLLIN, 0}};
    poll(polled.data(), polled.size(), is_idle ? -1 : 0);
    uint64_t signals = 0;
    static_cast<void>(!read(wake_fd_.get(), &signals, sizeof signals));
    {
      const Lock lock(lock_);
      ReadEvents();
      faults.swap(backlog_);
    }
    bool is_stuck = false;
    for (const Fault& fault : faults) {
      if (stopping_.load(std::memory_order_acquire) || !Serve(fault, buffer)) {
        is_stuck = true;
        const Lock lock(lock_);
        backlog_.push_back(fault);
      }
    }
    faults.clear();
    if (is_stuck) {
      Pause();
    }
  }
}

void PageServer::ReadEvents() {
  std::array<abi::UffdMsg, kEventsAtOnce> messages{};
  for (;;) {
    const SysResult result = UffdRead(memory_.uffd(), messages.data(), sizeof messages);
    const size_t count = result.ok() ? static_cast<size_t>(result.value) / sizeof messages[0] : 0;
    const int64_t now_ns = MonotonicNs();
    for (size_t i = 0; i < count; ++i) {
      NoteEvent(messages[i], now_ns);
    }
    if (count < messages.size()) {
      return;
    }
  }
}

void PageServer::NoteEvent(const abi::UffdMsg& message, int64_t now_ns) {
  switch (message.event) {
    case abi::kEventPagefault: {
      counters_.faults.fetch_add(1, std::memory_order_relaxed);
      const uint64_t address = message.arg.pagefault.address;
      if (const auto page = memory_.Find(address)) {
        backlog_.push_back({.page = *page,
                            .address = address,
                            .is_minor = (message.arg.pagefault.flags & abi::kPagefaultFlagMinor) != 0,
                            .read_ns = now_ns});
      } else {
        // What is not known is not zeros.
        const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
        memory_.PoisonAddress(address / page_bytes * page_bytes, page_bytes);
      }
      break;
    }
    case abi::kEventRemove:
    case abi::kEventUnmap:
      counters_.removed_pages.fetch_add(memory_.Removed(message.arg.remove.start, message.arg.remove.end,
                                                        message.event == abi::kEventUnmap));
      break;
    case abi::kEventRemap:
      if (!memory_.Moved(message.arg.remap.from, message.arg.remap.to, message.arg.remap.len)) {
        SetFailure(ServeFailure::kMoved, 0);
      }
      break;
    case abi::kEventFork:
      close(static_cast<int>(message.arg.fork.ufd));
      SetFailure(ServeFailure::kMoved, 0);
      break;
    default:
      break;
  }
}

/// Whether it is the first who waits for the page.
bool PageServer::NoteWaiter(const Fault& fault) {
  if (!waiters_.try_emplace(KeyOf(fault.page), fault.read_ns).second) {
    return false;
  }
  counters_.fault_pages.fetch_add(1, std::memory_order_relaxed);
  if (touched_count_ < kTouchedMax) {
    ++touched_count_;
    PageSpan* last = touched_.empty() ? nullptr : &touched_.back();
    if (last != nullptr && last->region == fault.page.region &&
        last->first_page + last->pages == fault.page.first_page) {
      ++last->pages;
    } else {
      touched_.push_back(fault.page);
    }
  }
  return true;
}

void PageServer::NoteInstalled(const PageSpan& span) {
  if (waiters_.empty()) {
    return;
  }
  const int64_t now_ns = MonotonicNs();
  const auto note = [&](auto at) {
    counters_.fault_wait.Record(now_ns - at->second);
    return waiters_.erase(at);
  };
  if (span.pages <= waiters_.size()) {
    for (uint64_t page = 0; page < span.pages; ++page) {
      if (const auto at = waiters_.find(KeyOf({span.region, span.first_page + page, 1}));
          at != waiters_.end()) {
        note(at);
      }
    }
    return;
  }
  const uint64_t first = KeyOf(span);
  for (auto at = waiters_.begin(); at != waiters_.end();) {
    at = at->first >= first && at->first - first < span.pages ? note(at) : std::next(at);
  }
}

void PageServer::Ask(const PageRequest& request) {
  for (uint64_t i = 0; i < request.span.pages; ++i) {
    memory_.MarkRequested(request.span.region, request.span.first_page + i);
  }
  (request.is_fault ? asked_faults_ : asked_ahead_).push_back(request);
  TellListeners();
}

void PageServer::TellListeners() {
  for (auto& [number, listener] : listeners_) {
    if (std::exchange(listener.wants, false)) {
      listener.tell();
    }
  }
}

bool PageServer::Serve(const Fault& fault, std::vector<std::byte>& buffer) {
  Lock lock(lock_);
  const PageSpan& page = fault.page;
  if (!memory_.IsMissing(page.region, page.first_page)) {
    waiters_.erase(KeyOf(page));
    return fault.address == 0 ||
           Deal(memory_.Refresh(page, fault.address, fault.is_minor)) != Installed::kAgain;
  }
  const bool is_first = NoteWaiter(fault);
  const BlockMap::Found found = blocks_.Find(page.region, page.first_page);
  if (found.extent == nullptr) {
    if (is_first || fault.address == 0) {
      Ask({page, true, blocks_.IsBad(page.region, page.first_page)});
    }
    return true;
  }
  uint64_t done = 0;
  Installed outcome = Installed::kDone;
  if (found.extent->offset < 0) {
    const PageSpan& extent = found.extent->span;
    const uint64_t rest = extent.first_page + extent.pages - page.first_page;
    const uint64_t count = memory_.Region(page.region).staging != 0 ? 1 : std::min(rest, kZerosAtOnce);
    const PageSpan zeros{page.region, page.first_page, count};
    uint64_t from = 0;
    outcome = memory_.Install(zeros, nullptr, &from, &done);
    NoteInstalled({zeros.region, zeros.first_page, from});
  } else {
    outcome = InstallBlock(lock, found.block, &page, buffer, &done);
  }
  if (done > 1) {
    counters_.beside_pages.fetch_add(done - 1, std::memory_order_relaxed);
  }
  if (outcome == Installed::kRefused && blocks_.Find(page.region, page.first_page).extent == nullptr) {
    // The block is bad. A filler may have the page from elsewhere, or knows what is wrong.
    if (listeners_.empty()) {
      PoisonSpan(lock, page, true);
    } else {
      Ask({page, true, true});
    }
    return true;
  }
  return Deal(outcome) != Installed::kAgain;
}

Installed PageServer::InstallExtent(const Extent& extent, const std::vector<std::byte>& buffer,
                                    uint64_t* done) {
  uint64_t from = 0;
  const std::byte* bytes = extent.offset < 0 ? nullptr : buffer.data() + extent.offset;
  const Installed outcome = memory_.Install(extent.span, bytes, &from, done);
  NoteInstalled({extent.span.region, extent.span.first_page, from});
  return outcome;
}

Installed PageServer::InstallBlock(Lock& lock, size_t number, const PageSpan* wanted,
                                   std::vector<std::byte>& buffer, uint64_t* done) {
  const Block block = blocks_.At(number);
  const int fd = files_.at(block.fd).get();
  lock.unlock();
  buffer.resize(std::max<size_t>(buffer.size(), block.size_bytes));
  const bool is_right = ReadAll(fd, buffer.data(), block.size_bytes, block.file_offset) &&
                        Crc32c(buffer.data(), block.size_bytes) == block.crc32c;
  lock.lock();
  if (!is_right) {
    blocks_.MarkBad(number);
    return Installed::kRefused;
  }
  if (wanted != nullptr) {
    // Who waits goes first.
    for (const Extent& extent : block.extents) {
      if (extent.offset < 0 || extent.span.region != wanted->region ||
          wanted->first_page - extent.span.first_page >= extent.span.pages) {
        continue;
      }
      const uint64_t skipped = wanted->first_page - extent.span.first_page;
      const auto offset =
          extent.offset + static_cast<int64_t>(skipped * memory_.Region(wanted->region).page_bytes);
      if (const Installed outcome = InstallExtent({*wanted, offset}, buffer, done);
          outcome != Installed::kDone) {
        return outcome;
      }
    }
  }
  for (const Extent& extent : block.extents) {
    if (extent.offset < 0) {
      continue;  // zeros come when they are touched
    }
    if (const Installed outcome = InstallExtent(extent, buffer, done); outcome != Installed::kDone) {
      return outcome;
    }
  }
  return Installed::kDone;
}

int PageServer::AddView(uint32_t region, uint64_t address, uint64_t size_bytes) {
  const Lock lock(lock_);
  if (closed_ || region >= memory_.RegionCount() || memory_.Region(region).staging == 0 ||
      memory_.Region(region).size_bytes != size_bytes) {
    return -1;
  }
  return memory_.AddView({region, address, 0, memory_.PageCount(region)});
}

bool PageServer::AddBlocks(std::vector<Block> blocks) {
  const Lock lock(lock_);
  for (const Block& block : blocks) {
    for (const Extent& extent : block.extents) {
      if (extent.span.pages == 0 || !memory_.Exists(extent.span)) {
        return false;
      }
      const uint64_t size_bytes = extent.span.pages * memory_.Region(extent.span.region).page_bytes;
      const auto offset = static_cast<uint64_t>(extent.offset);
      if (extent.offset >= 0 && (size_bytes > block.size_bytes || offset > block.size_bytes - size_bytes)) {
        return false;
      }
    }
    if (block.size_bytes > 0 && !files_.contains(block.fd)) {
      UniqueFd duplicate(fcntl(block.fd, F_DUPFD_CLOEXEC, 0));
      if (!duplicate) {
        return false;
      }
      files_.emplace(block.fd, std::move(duplicate));
    }
  }
  for (Block& block : blocks) {
    blocks_.Add(std::move(block));
  }
  for (const auto& [key, read_ns] : waiters_) {
    const PageSpan page{static_cast<uint32_t>(key >> 44), key & ((uint64_t{1} << 44) - 1), 1};
    if (blocks_.Find(page.region, page.first_page).extent != nullptr) {
      backlog_.push_back({.page = page, .address = 0, .is_minor = false, .read_ns = read_ns});
    }
  }
  if (!backlog_.empty()) {
    SignalFaultThread();
  }
  ++ahead_changes_;
  ahead_.notify_all();
  return true;
}

std::vector<PageRequest> PageServer::Take(size_t max) {
  const Lock lock(lock_);
  std::vector<PageRequest> taken;
  for (auto* queue : {&asked_faults_, &asked_ahead_}) {
    while (taken.size() < max && !queue->empty()) {
      const PageRequest request = queue->front();
      queue->pop_front();
      bool is_missing = false;
      for (uint64_t page = 0; page < request.span.pages && !is_missing; ++page) {
        is_missing = memory_.IsMissing(request.span.region, request.span.first_page + page);
      }
      if (is_missing) {
        taken.push_back(request);
      }
    }
  }
  ahead_.notify_all();
  return taken;
}

uint64_t PageServer::Listen(std::function<void()> tell) {
  const Lock lock(lock_);
  listeners_.emplace(next_listener_, Listener{std::move(tell), false});
  return next_listener_++;
}

void PageServer::Unlisten(uint64_t number) {
  const Lock lock(lock_);
  listeners_.erase(number);
}

bool PageServer::ReadyOrNotify(uint64_t number) {
  const Lock lock(lock_);
  if (closed_ || owner_gone_.load() || !asked_faults_.empty() || !asked_ahead_.empty()) {
    return true;
  }
  if (const auto at = listeners_.find(number); at != listeners_.end()) {
    at->second.wants = true;
  }
  return false;
}

void PageServer::WaitForReader(Lock& lock) {
  lock.unlock();
  Pause();
  lock.lock();
}

int64_t PageServer::Fill(const PageSpan& span, const std::byte* bytes) {
  Lock lock(lock_);
  if (!memory_.Exists(span)) {
    return -1;
  }
  uint64_t from = 0;
  uint64_t done = 0;
  while (!closed_ && !stopping_.load(std::memory_order_acquire)) {
    const Installed outcome = Deal(memory_.Install(span, bytes, &from, &done));
    NoteInstalled({span.region, span.first_page, from});
    if (outcome != Installed::kAgain) {
      break;
    }
    WaitForReader(lock);
  }
  counters_.filled_pages.fetch_add(done, std::memory_order_relaxed);
  counters_.duplicate_pages.fetch_add(span.pages - done, std::memory_order_relaxed);
  return static_cast<int64_t>(done);
}

int64_t PageServer::Fail(const PageSpan& span) {
  Lock lock(lock_);
  return memory_.Exists(span) ? PoisonSpan(lock, span, false) : -1;
}

int64_t PageServer::PoisonSpan(Lock& lock, const PageSpan& span, bool reads_events) {
  uint64_t from = 0;
  uint64_t done = 0;
  for (;;) {
    const Installed outcome = closed_ ? Installed::kDone : memory_.Poison(span, &from, &done);
    if (outcome == Installed::kAgain) {
      if (reads_events) {
        ReadEvents();
      }
      WaitForReader(lock);
      continue;
    }
    if (outcome == Installed::kRefused) {
      SetFailure(ServeFailure::kExposed, memory_.last_error());
    } else if (outcome == Installed::kOwnerGone) {
      Deal(outcome);
    } else if (done > 0) {
      SetFailure(ServeFailure::kLost, 0);
    }
    NoteInstalled({span.region, span.first_page, from});
    counters_.lost_pages.fetch_add(done, std::memory_order_relaxed);
    return static_cast<int64_t>(done);
  }
}

/// What is known to be zeros is right as it is.
void PageServer::PoisonUnlessZero(Lock& lock, const PageSpan& span) {
  uint64_t start = 0;
  for (uint64_t page = 0; page <= span.pages;) {
    const bool is_end = page == span.pages;
    const Extent* extent = is_end ? nullptr : blocks_.Find(span.region, span.first_page + page).extent;
    const bool is_zero = extent != nullptr && extent->offset < 0;
    if ((is_end || is_zero) && page > start) {
      PoisonSpan(lock, {span.region, span.first_page + start, page - start}, true);
    }
    if (is_zero) {
      page = std::min(span.pages, extent->span.first_page + extent->span.pages - span.first_page);
      start = page;
    } else {
      ++page;
    }
  }
}

std::vector<PageSpan> PageServer::Touched() {
  const Lock lock(lock_);
  return touched_;
}

std::vector<PageSpan> PageServer::Missing() {
  const Lock lock(lock_);
  return memory_.MissingSpans();
}

uint64_t PageServer::MissingCount() {
  const Lock lock(lock_);
  return memory_.Missing();
}

void PageServer::Close(bool poisons) {
  {
    const Lock lock(lock_);
    if (closed_ || stopping_.exchange(true)) {
      return;
    }
    ahead_.notify_all();
  }
  SignalFaultThread();
  fault_thread_.join();
  if (ahead_thread_.joinable()) {
    ahead_thread_.join();
  }
  Lock lock(lock_);
  ReadEvents();
  const ServeFailure before = failure_.load();
  if (poisons && !owner_gone_.load()) {
    for (const PageSpan& span : memory_.MissingSpans()) {
      PoisonUnlessZero(lock, span);
    }
    // Closing early is no failure of ours; that the kernel cannot poison is one.
    if (before == ServeFailure::kNone && failure_.load() == ServeFailure::kLost) {
      failure_.store(before);
    }
  }
  memory_.Unregister();
  closed_ = true;
  memory_.CloseFds();
  waiters_.clear();
  TellListeners();
}

}  // namespace stillframe

#include "serve/page_server.h"

#include <fcntl.h>
#include <sys/eventfd.h>

#include <system_error>
#include <utility>

#include "core/clock.h"
#include "serve/pause.h"

namespace stillframe {
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
    const PageSpan page = PageOf(key);
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

bool PageServer::AskOn(UniqueFd socket, std::vector<LanePlace> places) {
  const Lock lock(lock_);
  if (closed_ || places.size() != memory_.RegionCount()) {
    return false;
  }
  for (uint32_t region = 0; region < memory_.RegionCount(); ++region) {
    places[region].pages = memory_.PageCount(region);
    places[region].page_bytes = memory_.Region(region).page_bytes;
  }
  arrivals_.reserve(kArrivalsMax);
  next_lane_ = std::make_unique<FaultLane>(std::move(socket), std::move(places));
  SignalFaultThread();
  return true;
}

std::vector<Arrival> PageServer::TakeArrivals() {
  const Lock lock(lock_);
  std::vector<Arrival> taken(arrivals_);
  arrivals_.clear();
  return taken;
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
  PauseForOwner();
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
  lane_.reset();
  next_lane_.reset();
  TellListeners();
}

}  // namespace stillframe

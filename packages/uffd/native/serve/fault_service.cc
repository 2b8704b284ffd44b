// The fault thread of a page server: reads events, and installs what lies in files.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/clock.h"
#include "serve/crc32c.h"
#include "serve/page_server.h"
#include "serve/pause.h"

namespace stillframe {

namespace {

constexpr size_t kEventsAtOnce = 64;

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

void PageServer::ServeFaults() {
  std::vector<std::byte> buffer;
  std::vector<Fault> faults;
  while (!stopping_.load(std::memory_order_acquire)) {
    bool is_idle = true;
    {
      const Lock lock(lock_);
      is_idle = backlog_.empty();
    }
    const int lane_fd = lane_ == nullptr ? -1 : lane_->fd();
    std::array<pollfd, 3> polled{pollfd{memory_.uffd(), POLLIN, 0}, pollfd{wake_fd_.get(), POLLIN, 0},
                                 pollfd{lane_fd, POLLIN, 0}};
    poll(polled.data(), polled.size(), is_idle ? -1 : 0);
    if (polled[2].revents != 0) {
      ReadLane();
    }
    if (polled[1].revents != 0) {
      uint64_t signals = 0;
      static_cast<void>(!read(wake_fd_.get(), &signals, sizeof signals));
      TakeLane();
    }
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
      PauseForOwner();
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
      AskForFault(page, blocks_.IsBad(page.region, page.first_page));
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

}  // namespace stillframe

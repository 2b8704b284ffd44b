// The prefetcher of a page server: fetches ahead of faults, a recorded order first, then all as it lies.
#include <algorithm>

#include "core/clock.h"
#include "serve/page_server.h"

namespace stillframe {

namespace {
/// States that are looked at in one go, and how long the credit of a slow rate may grow.
constexpr uint64_t kLookedAtOnce = 4096;
constexpr int64_t kSecondNs = 1'000'000'000;
}  // namespace

void PageServer::Prefetch(std::vector<PageSpan> order, double bytes_per_second) {
  const Lock lock(lock_);
  std::erase_if(order, [this](const PageSpan& span) { return !memory_.Exists(span); });
  ahead_order_ = std::move(order);
  ahead_rate_ = bytes_per_second;
  ahead_is_new_ = true;
  ahead_.notify_all();
}

void PageServer::RunAhead() {
  std::vector<std::byte> buffer;
  Lock lock(lock_);
  while (!stopping_.load(std::memory_order_acquire)) {
    if (ahead_rate_ <= 0 || memory_.Missing() == 0 || owner_gone_.load()) {
      ahead_.wait(lock);
      continue;
    }
    ahead_is_new_ = false;
    const uint64_t changes = ahead_changes_;
    std::vector<PageSpan> order = ahead_order_;
    for (uint32_t region = 0; region < memory_.RegionCount(); ++region) {
      order.push_back({region, 0, memory_.PageCount(region)});
    }
    uint64_t fetched = 0;
    for (const PageSpan& span : order) {
      for (uint64_t page = 0; page < span.pages;) {
        const uint64_t bytes = FetchAhead(lock, span, &page, buffer);
        fetched += bytes;
        if (!PaceAhead(lock, bytes) || ahead_is_new_) {
          page = span.pages;
        }
      }
      if (stopping_.load(std::memory_order_acquire) || ahead_is_new_) {
        break;
      }
    }
    // Everything was looked at: what is missing still, waits for fillers.
    if (fetched == 0 && !ahead_is_new_ && changes == ahead_changes_ &&
        !stopping_.load(std::memory_order_acquire)) {
      ahead_.wait(lock);
    }
  }
}

uint64_t PageServer::FetchAhead(Lock& lock, const PageSpan& span, uint64_t* page,
                                std::vector<std::byte>& buffer) {
  const uint64_t limit = std::min(span.pages, *page + kLookedAtOnce);
  while (*page < limit && !memory_.IsMissing(span.region, span.first_page + *page)) {
    ++*page;
  }
  if (*page == limit) {
    return 0;
  }
  const uint64_t at = span.first_page + *page;
  const uint64_t page_bytes = memory_.Region(span.region).page_bytes;
  const BlockMap::Found found = blocks_.Find(span.region, at);
  uint64_t done = 0;
  if (found.extent == nullptr) {
    uint64_t count = 0;
    while (*page + count < span.pages && count < kAheadPages &&
           memory_.State(span.region, at + count) == PageState::kMissing) {
      ++count;
    }
    *page += std::max<uint64_t>(count, 1);
    if (count == 0 || listeners_.empty()) {
      return 0;
    }
    ahead_.wait(lock, [this] {
      return asked_ahead_.size() < kAheadRequests || ahead_is_new_ ||
             stopping_.load(std::memory_order_acquire);
    });
    if (!stopping_.load(std::memory_order_acquire) && !ahead_is_new_) {
      Ask({{span.region, at, count}, false, false});
    }
    return count * page_bytes;
  }
  const PageSpan extent = found.extent->span;
  Installed outcome = Installed::kDone;
  if (found.extent->offset < 0) {
    // In a file zeros would take room; they come when they are touched.
    const uint64_t end = std::min(found.extent->span.first_page + found.extent->span.pages, at + kAheadPages);
    const uint64_t count = std::min(end - at, span.pages - *page);
    uint64_t from = 0;
    if (memory_.Region(span.region).staging == 0) {
      outcome = memory_.Install({span.region, at, count}, nullptr, &from, &done);
      NoteInstalled({span.region, at, from});
    } else {
      *page += count;
    }
  } else {
    outcome = InstallBlock(lock, found.block, nullptr, buffer, &done);
  }
  counters_.prefetched_pages.fetch_add(done, std::memory_order_relaxed);
  if (outcome == Installed::kAgain) {
    WaitForReader(lock);
  } else if (outcome == Installed::kRefused && blocks_.IsBad(span.region, at)) {
    // A filler may have it from elsewhere, or knows what is wrong.
    const uint64_t end = extent.first_page + extent.pages;
    const uint64_t count = std::min(end - at, span.pages - *page);
    *page += count;
    if (!listeners_.empty()) {
      Ask({{span.region, at, count}, false, true});
    }
  } else {
    Deal(outcome);
  }
  if (owner_gone_.load()) {
    *page = span.pages;
  }
  return done * page_bytes;
}

/// Waits until the rate allows more. False when the server is being closed.
bool PageServer::PaceAhead(Lock& lock, uint64_t bytes) {
  if (bytes > 0 && ahead_rate_ > 0) {
    const int64_t now = MonotonicNs();
    const auto cost = static_cast<int64_t>(static_cast<double>(bytes) / ahead_rate_ * kSecondNs);
    ahead_due_ns_ = std::max(ahead_due_ns_, now) + cost;
    const std::chrono::nanoseconds pause(ahead_due_ns_ - now);
    // Below a tenth of a millisecond a sleep costs more than it is worth; it is made up for later.
    if (pause > std::chrono::microseconds(100)) {
      ahead_.wait_for(lock, pause,
                      [this] { return stopping_.load(std::memory_order_acquire) || ahead_is_new_; });
    } else {
      // Faults want the lock, too.
      lock.unlock();
      lock.lock();
    }
  }
  return !stopping_.load(std::memory_order_acquire);
}

}  // namespace stillframe

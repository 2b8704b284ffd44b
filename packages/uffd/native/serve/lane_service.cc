// A page server and its lane of faults. All of it is the fault thread's: it is the only reader of events, so
// that what it has asked for cannot be thrown away unnoticed between an event and an answer.
#include "serve/page_server.h"
#include "serve/prompt_thread.h"

namespace stillframe {

void PageServer::TakeLane() {
  const Lock lock(lock_);
  if (next_lane_ == nullptr) {
    return;
  }
  if (lane_ != nullptr) {
    LoseLane();
  }
  lane_ = std::move(next_lane_);
  BePrompt();
}

void PageServer::AskForFault(const PageSpan& page, bool is_bad) {
  if (lane_ == nullptr) {
    Ask({page, true, is_bad});
  } else if (lane_->Ask(page.region, page.first_page)) {
    memory_.MarkRequested(page.region, page.first_page);
  } else {
    LoseLane();  // the page is among those that are waited for
  }
}

void PageServer::ReadLane() {
  for (;;) {
    FaultLane::Answer answer;
    switch (lane_->Read(&answer)) {
      case FaultLane::Came::kNothing:
        return;
      case FaultLane::Came::kAnswer:
        InstallAnswer(answer);
        break;
      case FaultLane::Came::kLost: {
        const Lock lock(lock_);
        LoseLane();
        return;
      }
    }
  }
}

void PageServer::InstallAnswer(const FaultLane::Answer& answer) {
  Lock lock(lock_);
  const PageSpan page{answer.region, answer.page, 1};
  uint64_t from = 0;
  uint64_t done = 0;
  while (Deal(memory_.Install(page, answer.bytes, &from, &done)) == Installed::kAgain &&
         !stopping_.load(std::memory_order_acquire)) {
    ReadEvents();
    WaitForReader(lock);
  }
  NoteInstalled({page.region, page.first_page, from});
  counters_.lane_pages.fetch_add(1, std::memory_order_relaxed);
  if (arrivals_.size() < kArrivalsMax) {
    arrivals_.push_back({answer.region, answer.page, answer.crc32c});
  }
}

void PageServer::LoseLane() {
  lane_.reset();
  for (const auto& [key, read_ns] : waiters_) {
    Ask({PageOf(key), true, false});
  }
}

}  // namespace stillframe

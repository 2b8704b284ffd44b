// The source's end of a lane of faults: a thread that answers each question with a page of memory that stands
// still.
//
// Lifetime: the memory stays as it is, and mapped, between Serve and Close. Close ends a write that is under
// way, joins the thread, and after it nothing is read any more.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "kernel/unique_fd.h"
#include "serve/fault_wire.h"

namespace stillframe {

struct AnsweredRegion {
  uint64_t address = 0;
  uint64_t size_bytes = 0;
  uint64_t page_bytes = 0;
};

class FaultAnswerer {
 public:
  /// `greeting`: what is said first, at once. The socket is owned from here on. Throws std::system_error when
  /// there are no threads.
  FaultAnswerer(UniqueFd socket, std::vector<std::byte> greeting, std::vector<AnsweredRegion> regions);
  ~FaultAnswerer();
  FaultAnswerer(const FaultAnswerer&) = delete;
  FaultAnswerer& operator=(const FaultAnswerer&) = delete;

  /// The memory stands still: questions are answered from now on. Idempotent.
  void Serve();
  /// Idempotent.
  void Close();

  uint64_t Pages() const { return pages_.load(std::memory_order_relaxed); }
  uint64_t Bytes() const { return bytes_.load(std::memory_order_relaxed); }
  /// The other side has gone, or asked for what there is not.
  bool Lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  void Run();
  bool SendAll(const void* head, size_t head_bytes, const void* body, size_t body_bytes);
  bool MayServe();
  bool AnswerAll();
  bool Answer(const FaultHead& question);

  UniqueFd socket_;
  const std::vector<std::byte> greeting_;
  const std::vector<AnsweredRegion> regions_;
  std::mutex lock_;
  std::condition_variable changed_;
  bool serves_ = false;
  bool closed_ = false;
  std::atomic<uint64_t> pages_{0};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<bool> lost_{false};
  std::thread thread_;
};

}  // namespace stillframe

// Threads that pack slabs, fed from one queue.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/chunk_packer.h"

namespace stillframe::codec {

/// Own threads, never those of libuv: four slow chunks must not hold up files and name look-ups.
///
/// Concurrency: `Submit`, `TakeDone` and `Stop` belong to one owner thread. A job belongs to the pool from
/// `Submit` until `TakeDone` gives it back or `Stop` returns; the mutex that both queues share orders its
/// fields. `notify` is called from a pool thread, with no lock held, once for each job that is ready to be
/// taken, and never after `Stop` has returned.
///
/// Not handled: order. Jobs are done in any order; the owner puts them right.
class PackPool {
 public:
  PackPool(unsigned thread_count, std::function<void()> notify);
  ~PackPool() { Stop(); }
  PackPool(const PackPool&) = delete;
  PackPool& operator=(const PackPool&) = delete;

  void Submit(std::unique_ptr<PackJob> job);
  /// A job that is done, or null.
  std::unique_ptr<PackJob> TakeDone();
  /// Ends all threads, in the middle of their jobs but never within a chunk, and drops the jobs. Idempotent.
  void Stop();

 private:
  void Run();

  const std::function<void()> notify_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::unique_ptr<PackJob>> waiting_;
  std::deque<std::unique_ptr<PackJob>> done_;
  std::vector<std::thread> threads_;
};

}  // namespace stillframe::codec

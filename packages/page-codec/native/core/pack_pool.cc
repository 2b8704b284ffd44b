#include "core/pack_pool.h"

#include <signal.h>

#include <new>
#include <utility>

namespace stillframe::codec {
namespace {

/// Threads inherit the mask of their creator: signals are for the threads of the program.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

PackPool::PackPool(unsigned thread_count, std::function<void()> notify) : notify_(std::move(notify)) {
  threads_.reserve(thread_count);
  const SignalsBlocked blocked;
  try {
    for (unsigned i = 0; i < thread_count; ++i) threads_.emplace_back([this] { Run(); });
  } catch (...) {
    Stop();  // those that were started must not outlive a constructor that failed
    throw;
  }
}

void PackPool::Submit(std::unique_ptr<PackJob> job) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(job));
  }
  ready_.notify_one();
}

std::unique_ptr<PackJob> PackPool::TakeDone() {
  const std::lock_guard lock(mutex_);
  if (done_.empty()) return nullptr;
  auto job = std::move(done_.front());
  done_.pop_front();
  return job;
}

void PackPool::Stop() {
  {
    // Under the lock, so that no thread misses it between its look at the queue and its wait.
    const std::lock_guard lock(mutex_);
    stop_.store(true, std::memory_order_relaxed);
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  waiting_.clear();
  done_.clear();
}

void PackPool::Run() {
  ChunkPacker packer;
  for (;;) {
    std::unique_ptr<PackJob> job;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stop_.load(std::memory_order_relaxed) || !waiting_.empty(); });
      if (stop_.load(std::memory_order_relaxed)) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      packer.Pack(*job, stop_);
    } catch (const std::bad_alloc&) {
      job->done = false;  // the owner says so to whoever waits
    }
    {
      const std::lock_guard lock(mutex_);
      if (stop_.load(std::memory_order_relaxed)) return;
      done_.push_back(std::move(job));
    }
    notify_();
  }
}

}  // namespace stillframe::codec

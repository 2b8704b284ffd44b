// Two lock-free lists of slab numbers: a stack of free ones and a queue of filled ones.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>

namespace stillframe {

/// Zero-filled array whose memory is spent when touched.
template <typename T>
class LazyArray {
 public:
  explicit LazyArray(size_t count) : bytes_((count == 0 ? 1 : count) * sizeof(T)) {
    void* memory =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      throw std::bad_alloc();
    }
    items_ = static_cast<T*>(memory);
  }
  ~LazyArray() { munmap(items_, bytes_); }
  LazyArray(const LazyArray&) = delete;
  LazyArray& operator=(const LazyArray&) = delete;

  T& operator[](size_t i) { return items_[i]; }
  T* At(size_t i) { return items_ + i; }

 private:
  size_t bytes_;
  T* items_;
};

/// Any thread pushes, any thread pops. Last in, first out: the slab drained last is the one still in the
/// cache. The upper half of the head counts changes, so that a pop that was overtaken by pop + push of the
/// same slab notices (ABA).
class FreeStack {
 public:
  explicit FreeStack(size_t capacity) : next_(capacity) {}

  void Push(uint32_t id) {
    uint64_t head = head_.load(std::memory_order_relaxed);
    do {
      next_[id].store(static_cast<uint32_t>(head), std::memory_order_relaxed);
    } while (!head_.compare_exchange_weak(head, Follow(head, id + 1), std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
  }

  std::optional<uint32_t> Pop() {
    uint64_t head = head_.load(std::memory_order_seq_cst);
    for (;;) {
      const auto top = static_cast<uint32_t>(head);
      if (top == 0) {
        return std::nullopt;
      }
      const uint32_t next = next_[top - 1].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, Follow(head, next), std::memory_order_seq_cst)) {
        return top - 1;
      }
    }
  }

 private:
  static uint64_t Follow(uint64_t head, uint32_t top) { return ((head >> 32) + 1) << 32 | top; }

  std::atomic<uint64_t> head_{0};  // change count, then 1 + top; 0: empty
  LazyArray<std::atomic<uint32_t>> next_;
};

/// One thread pushes, one pops. Holds every slab there is, so a push cannot fail.
class FilledQueue {
 public:
  explicit FilledQueue(size_t slabs) : capacity_(slabs + 1), items_(capacity_) {}

  void Push(uint32_t id) {
    const size_t tail = tail_.load(std::memory_order_relaxed);
    items_[tail % capacity_] = id;
    tail_.store(tail + 1, std::memory_order_seq_cst);
  }

  std::optional<uint32_t> Pop() {
    const size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_seq_cst)) {
      return std::nullopt;
    }
    const uint32_t id = items_[head % capacity_];
    head_.store(head + 1, std::memory_order_release);
    return id;
  }

  size_t Size() const {
    return tail_.load(std::memory_order_seq_cst) - head_.load(std::memory_order_relaxed);
  }
  bool Empty() const {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_seq_cst);
  }

 private:
  size_t capacity_;
  LazyArray<uint32_t> items_;
  std::atomic<size_t> head_{0};
  std::atomic<size_t> tail_{0};
};

}  // namespace stillframe

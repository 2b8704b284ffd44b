// Ownership of a range of address space.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <utility>

#include "kernel/result.h"

namespace stillframe {

/// Unmaps its range when destroyed. Not thread-safe: one thread owns it at a time.
class UniqueMapping {
 public:
  UniqueMapping() = default;
  UniqueMapping(void* address, size_t size_bytes) : address_(address), size_bytes_(size_bytes) {}
  UniqueMapping(UniqueMapping&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}
  UniqueMapping& operator=(UniqueMapping&& other) noexcept {
    if (this != &other) {
      Unmap();
      address_ = std::exchange(other.address_, nullptr);
      size_bytes_ = std::exchange(other.size_bytes_, 0);
    }
    return *this;
  }
  UniqueMapping(const UniqueMapping&) = delete;
  UniqueMapping& operator=(const UniqueMapping&) = delete;
  ~UniqueMapping() { Unmap(); }

  void* address() const { return address_; }
  size_t size_bytes() const { return size_bytes_; }
  explicit operator bool() const { return address_ != nullptr; }

  /// Idempotent. Blocks while a userfaultfd with EVENT_UNMAP covers the range and nobody reads its events.
  SysResult Unmap() {
    if (address_ == nullptr) return {};
    return FromReturn(::munmap(std::exchange(address_, nullptr), std::exchange(size_bytes_, 0)));
  }

 private:
  void* address_ = nullptr;
  size_t size_bytes_ = 0;
};

}  // namespace stillframe

// Ownership of a file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

#include "kernel/result.h"

namespace stillframe {

/// Closes its descriptor when destroyed. Not thread-safe: one thread owns it at a time.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = other.Release();
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Close(); }

  /// -1 when there is none.
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

  /// Gives the descriptor away; the caller closes it.
  int Release() { return std::exchange(fd_, -1); }

  /// Idempotent. Whatever close(2) reports, the descriptor is gone, so it is never tried twice.
  SysResult Close() {
    if (fd_ < 0) return {};
    return FromReturn(::close(std::exchange(fd_, -1)));
  }

 private:
  int fd_ = -1;
};

}  // namespace stillframe
